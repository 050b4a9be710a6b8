"""The recent changes of any MediaWiki as a source of page_change events."""

from wikistate.adapters.connectors.recent_changes.source import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.recent_changes.wiki import WikiQueries

__all__ = ["RecentChangesFeed", "RecentChangesSettings", "WikiQueries"]
