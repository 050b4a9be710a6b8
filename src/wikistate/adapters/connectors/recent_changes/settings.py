"""The settings of a source of recent changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wikistate.adapters.connectors.start_stop import LatestAtStart, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentChangesSettings:
    """The wiki to read, and the times of requests.

    Attributes:
        api: The URL of the Action API of the wiki.
        domain: The value of `meta.domain`; empty for the domain that the wiki states.
        wiki_id: See `wikistate.core.events.wiki_names.WikiNames`.
        other_wiki_ids: See `WikiNames`.
        since: The start without a committed position; None for now.
        end: The end; None: never.
        interval: Seconds between a response without new changes and the next request.
        overlap: Seconds before the newest change that each request covers again, for changes that were committed late.
        inventory_pages: The most pages of which the first run lists the current revisions; 0: no page.
    """

    api: str
    domain: str = ""
    wiki_id: str = ""
    other_wiki_ids: frozenset[str] = frozenset()
    since: Moment | None = None
    end: Moment | LatestAtStart | None = None
    interval: float = 5.0
    overlap: float = 120.0
    inventory_pages: int = 0
