"""The resolved recent changes of a wiki."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from wikistate.adapters.connectors.connector import SOURCE_OPTIONS, Capabilities, SourceEndpoint
from wikistate.adapters.connectors.push_source import FeedSource
from wikistate.adapters.connectors.recent_changes.settings import RecentChangesSettings
from wikistate.adapters.connectors.recent_changes.source import RecentChangesFeed
from wikistate.adapters.connectors.start_stop import parse_since, parse_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wikistate.adapters.connectors.connector import WikiAccess
    from wikistate.streaming.ports import ResumePositions

CAPABILITIES = Capabilities(source=True, any_stream=False, local_position=True, wiki=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentChangesEndpoint(SourceEndpoint):
    """The recent changes of a wiki. `since`, `end`, `interval` and `overlap` as in the settings.

    Attributes:
        api: The URL of the Action API.
        wiki: The access to it. It is not shown, because it may hold a credential.
        state: The file that stores the position.
        inventory_pages: See `RecentChangesSettings`. It is not shown, because it does not identify the source.
        on_caught_up: See `SourceEndpoint.with_wiki_clock`.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    api: str
    wiki: WikiAccess = field(repr=False)
    since: str
    end: str
    interval: float
    overlap: float
    state: Path
    inventory_pages: int = field(default=0, repr=False, compare=False)
    on_caught_up: Callable[[int], None] | None = field(default=None, repr=False, compare=False)

    @property
    def identity(self) -> str:
        """See `SourceEndpoint`."""
        return repr(self)

    def build_source(self, *, resume: ResumePositions | None = None) -> FeedSource:  # noqa: ARG002  (not resumable)
        """See `SourceEndpoint`. The position is more than an offset, so a caller cannot store it."""
        settings = RecentChangesSettings(
            api=self.api,
            **self.wiki.names._asdict(),
            since=parse_since(self.since, key=f"{SOURCE_OPTIONS}.since"),
            end=parse_until(self.end, key=f"{SOURCE_OPTIONS}.end"),
            interval=self.interval,
            overlap=self.overlap,
            inventory_pages=self.inventory_pages,
        )
        return FeedSource(
            RecentChangesFeed(settings, self.wiki.build_queries(), caught_up=self.on_caught_up), self.state
        )

    def with_wiki_clock(self, callback: Callable[[int], None]) -> RecentChangesEndpoint:
        """See `SourceEndpoint`. A job that needs the clock of the wiki also reads the state of each page itself."""
        return replace(self, on_caught_up=callback, inventory_pages=0)
