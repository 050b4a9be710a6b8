"""The recent changes of any MediaWiki as a source of page_change events."""

from wikistate.adapters.connectors.recent_changes.connector import RecentChangesConnector
from wikistate.adapters.connectors.recent_changes.settings import RecentChangesSettings
from wikistate.adapters.connectors.recent_changes.source import RecentChangesFeed

__all__ = ["RecentChangesConnector", "RecentChangesFeed", "RecentChangesSettings"]
