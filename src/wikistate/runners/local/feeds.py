"""Sources that arrive by themselves, made from their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.eventstreams import EventStreamsFeed, EventStreamsSettings
from wikistate.adapters.connectors.eventstreams.resumed import ExternalPositions
from wikistate.adapters.connectors.feed import FeedSource
from wikistate.adapters.connectors.positions import parse_since, parse_until
from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.mediawiki.queries import QueryClient
from wikistate.jobs.feeds import EventStreamsEnd, RecentChangesEnd

if TYPE_CHECKING:
    from wikistate.adapters.connectors.ports import Resume

_SINCE = "stream_manager.source.options.since"
_END = "stream_manager.source.options.end"


def make_feed_source(end: EventStreamsEnd | RecentChangesEnd, *, resume: Resume | None = None) -> FeedSource:
    """The connector that reads an end.

    Args:
        end: What is read.
        resume: Where a sink keeps the positions; only of EventStreams.

    Raises:
        ConfigError: Its beginning or end is no time.
    """
    match end:
        case EventStreamsEnd():
            return FeedSource(_event_streams(end), ExternalPositions(resume) if resume else end.state)
        case RecentChangesEnd():
            return FeedSource(_recent_changes(end), end.state)


def _event_streams(end: EventStreamsEnd) -> EventStreamsFeed:
    settings = EventStreamsSettings(
        streams=end.streams,
        base=end.base,
        since=parse_since(end.since, key=_SINCE),
        end=parse_until(end.end, key=_END),
        max_record_bytes=end.max_record_bytes,
        single_topic=end.alone,
        topic=end.topic,
    )
    return EventStreamsFeed(settings, end.http)


def _recent_changes(end: RecentChangesEnd) -> RecentChangesFeed:
    settings = RecentChangesSettings(
        api=end.api,
        domain=end.domain,
        since=parse_since(end.since, key=_SINCE),
        end=parse_until(end.end, key=_END),
        interval=end.interval,
        overlap=end.overlap,
    )
    queries = QueryClient(end.api, end.http, credential=end.credential, maxlag=end.maxlag)
    return RecentChangesFeed(settings, queries, caught_up=end.caught_up)
