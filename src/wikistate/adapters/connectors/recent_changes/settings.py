"""The settings of a source of recent changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wikistate.adapters.connectors.start_stop import LatestAtStart, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentChangesSettings:
    """What is read, and how often.

    Attributes:
        api: URL of the wiki's Action API.
        domain: What `meta.domain` is to say; empty for the wiki's own word.
        since: Where to start when nothing is committed; None for now.
        end: Where to end; None: never.
        interval: Seconds from an answer without news to the next question.
        overlap: Seconds before the newest change that are read again for changes committed late.
    """

    api: str
    domain: str = ""
    since: Moment | None = None
    end: Moment | LatestAtStart | None = None
    interval: float = 5.0
    overlap: float = 120.0
