"""Sources that arrive by themselves, made from their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.eventstreams import EventStreamsFeed, EventStreamsSettings
from wikistate.adapters.connectors.eventstreams.external_positions import ExternalPositions
from wikistate.adapters.connectors.push_source import FeedSource
from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.start_stop import parse_since, parse_until
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.wiring.feeds import EventStreamsEndpoint, RecentChangesEndpoint

if TYPE_CHECKING:
    from wikistate.streaming.ports import ResumePositions

_SINCE = "stream_manager.source.options.since"
_END = "stream_manager.source.options.end"


def make_feed_source(
    endpoint: EventStreamsEndpoint | RecentChangesEndpoint, *, resume: ResumePositions | None = None
) -> FeedSource:
    """The connector that reads an end.

    Args:
        endpoint: What is read.
        resume: Where a sink keeps the positions; only of EventStreams.

    Raises:
        ConfigError: Its beginning or end is no time.
    """
    match endpoint:
        case EventStreamsEndpoint():
            return FeedSource(
                _make_event_streams_feed(endpoint), ExternalPositions(resume) if resume else endpoint.state
            )
        case RecentChangesEndpoint():
            return FeedSource(_make_recent_changes_feed(endpoint), endpoint.state)


def _make_event_streams_feed(endpoint: EventStreamsEndpoint) -> EventStreamsFeed:
    settings = EventStreamsSettings(
        streams=endpoint.streams,
        base=endpoint.base,
        since=parse_since(endpoint.since, key=_SINCE),
        end=parse_until(endpoint.end, key=_END),
        max_record_bytes=endpoint.max_record_bytes,
        single_topic=endpoint.single_topic,
        topic=endpoint.topic,
    )
    return EventStreamsFeed(settings, endpoint.http)


def _make_recent_changes_feed(endpoint: RecentChangesEndpoint) -> RecentChangesFeed:
    settings = RecentChangesSettings(
        api=endpoint.api,
        domain=endpoint.domain,
        since=parse_since(endpoint.since, key=_SINCE),
        end=parse_until(endpoint.end, key=_END),
        interval=endpoint.interval,
        overlap=endpoint.overlap,
    )
    queries = QueryClient(endpoint.api, endpoint.http, credential=endpoint.credential, maxlag=endpoint.maxlag)
    return RecentChangesFeed(settings, queries, caught_up=endpoint.on_caught_up)
