"""Resolved streams of server-sent events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from wikistate.adapters.connectors.connector import SOURCE_OPTIONS, Capabilities, SourceEndpoint
from wikistate.adapters.connectors.eventstreams.external_positions import ExternalPositions
from wikistate.adapters.connectors.eventstreams.settings import EventStreamsSettings
from wikistate.adapters.connectors.eventstreams.source import EventStreamsFeed
from wikistate.adapters.connectors.push_source import FeedSource
from wikistate.adapters.connectors.start_stop import parse_since, parse_until

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.adapters.http.client import HttpSettings
    from wikistate.adapters.http.credentials import Credential
    from wikistate.streaming.ports import ResumePositions

CAPABILITIES = Capabilities(source=True, resumable=True, local_position=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStreamsEndpoint(SourceEndpoint):
    """Streams of server-sent events. `since` and `end` as in the settings.

    Attributes:
        base: The URL before the names of the streams.
        state: The file that stores the position.
        credential: The credential for the server; None for a public stream.
        single_topic: One topic is followed of several that hold the same changes: `topic`, or the first one received.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    base: str
    streams: tuple[str, ...]
    since: str
    end: str
    max_record_bytes: int
    http: HttpSettings
    state: Path
    reconnect_limit: float | None = field(default=None, repr=False)
    single_topic: bool = False
    topic: str = ""
    credential: Credential | None = field(default=None, repr=False, compare=False)

    @property
    def identity(self) -> str:
        """See `SourceEndpoint`."""
        return repr(self)

    def build_source(self, *, resume: ResumePositions | None = None) -> FeedSource:
        """See `SourceEndpoint`."""
        settings = EventStreamsSettings(
            streams=self.streams,
            base=self.base,
            since=parse_since(self.since, key=f"{SOURCE_OPTIONS}.since"),
            end=parse_until(self.end, key=f"{SOURCE_OPTIONS}.end"),
            max_record_bytes=self.max_record_bytes,
            reconnect_limit=self.reconnect_limit,
            single_topic=self.single_topic,
            topic=self.topic,
            credential=self.credential,
        )
        positions = ExternalPositions(resume) if resume else self.state
        return FeedSource(EventStreamsFeed(settings, self.http), positions)

    def for_single_reader(self, topic: str) -> EventStreamsEndpoint | None:
        """See `SourceEndpoint`."""
        return replace(self, topic=topic, single_topic=True) if len(self.streams) == 1 else None
