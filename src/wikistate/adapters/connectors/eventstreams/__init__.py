"""Wikimedia's EventStreams, or any server of server-sent events with such ids, as a source."""

from wikistate.adapters.connectors.eventstreams.connector import EventStreamsConnector
from wikistate.adapters.connectors.eventstreams.settings import PUBLIC_BASE, EventStreamsSettings
from wikistate.adapters.connectors.eventstreams.source import EventStreamsFeed

__all__ = ["PUBLIC_BASE", "EventStreamsConnector", "EventStreamsFeed", "EventStreamsSettings"]
