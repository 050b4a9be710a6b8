"""Wikimedia's EventStreams, or any server of server-sent events with such ids, as a source."""

from wikistate.adapters.connectors.eventstreams.source import PUBLIC_BASE, EventStreamsFeed, EventStreamsSettings

__all__ = ["PUBLIC_BASE", "EventStreamsFeed", "EventStreamsSettings"]
