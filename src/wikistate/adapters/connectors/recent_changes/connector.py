"""The connector `recentchanges`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.connector import SOURCE_OPTIONS, Capabilities, SourceOnly, missing_setting
from wikistate.adapters.connectors.recent_changes import url
from wikistate.adapters.connectors.recent_changes.endpoint import CAPABILITIES, RecentChangesEndpoint
from wikistate.adapters.connectors.urls import require_http_url
from wikistate.config.authentication import HttpAuthentication
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.adapters.connectors.connector import SourceContext
    from wikistate.config.connectors import RecentChangesOptions

EXAMPLE_API = "https://my.wiki/w/api.php"


@dataclass(frozen=True, slots=True)
class RecentChangesConnector(SourceOnly):
    """The recent changes of a wiki. See `Connector` for the protocol."""

    name: str = "recentchanges"
    scheme: str = url.SCHEME
    source_url: str = url.SOURCE_URL
    capabilities: Capabilities = CAPABILITIES

    def parse_source_url(self, text: str, *, key: str) -> dict[str, object]:
        """See `Connector`."""
        return url.parse(text, key=key)

    def resolve_source(self, options: RecentChangesOptions, context: SourceContext) -> RecentChangesEndpoint:
        """See `Connector`."""
        if not options.url:
            raise missing_setting(f"{SOURCE_OPTIONS}.url", "It names the wiki's Action API.")
        require_http_url(options.url, key=f"{SOURCE_OPTIONS}.url", example=EXAMPLE_API)
        if options.authentication != HttpAuthentication():
            raise ConfigError(
                f"{SOURCE_OPTIONS}.authentication is for EventStreams, and not for a wiki.",
                hint="The login of a wiki belongs under wikis.DOMAIN.credentials; its URL must not hold one.",
                key=f"{SOURCE_OPTIONS}.authentication",
            )
        wiki = context.find_wiki(options.url)
        takes_inventory = wiki.is_own if options.inventory is None else options.inventory
        return RecentChangesEndpoint(
            api=options.url,
            wiki=wiki,
            since=options.since,
            end=options.end,
            interval=options.poll_interval,
            overlap=options.overlap,
            state=context.state_file,
            inventory_pages=options.inventory_pages if takes_inventory else 0,
        )
