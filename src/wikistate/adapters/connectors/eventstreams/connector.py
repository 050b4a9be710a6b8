"""The connector `eventstreams`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.connector import SOURCE_OPTIONS, Capabilities, SourceOnly
from wikistate.adapters.connectors.eventstreams import url
from wikistate.adapters.connectors.eventstreams.endpoint import CAPABILITIES, EventStreamsEndpoint
from wikistate.adapters.connectors.eventstreams.settings import PUBLIC_BASE
from wikistate.adapters.connectors.urls import require_http_url
from wikistate.adapters.http.credentials import resolve_authentication
from wikistate.errors import ConfigError
from wikistate.secret import mask_url

if TYPE_CHECKING:
    from wikistate.adapters.connectors.connector import SourceContext
    from wikistate.config.connectors import EventStreamsOptions


@dataclass(frozen=True, slots=True)
class EventStreamsConnector(SourceOnly):
    """Streams of server-sent events. See `Connector` for the protocol."""

    name: str = "eventstreams"
    scheme: str = url.SCHEME
    source_url: str = url.SOURCE_URL
    capabilities: Capabilities = CAPABILITIES

    def parse_source_url(self, text: str, *, key: str) -> dict[str, object]:
        """See `Connector`."""
        return url.parse(text, key=key)

    def resolve_source(self, options: EventStreamsOptions, context: SourceContext) -> EventStreamsEndpoint:
        """See `Connector`. Without a URL, Wikimedia's public service; without names, all streams of the job."""
        base = options.url or PUBLIC_BASE
        require_http_url(base, key=f"{SOURCE_OPTIONS}.url", example=PUBLIC_BASE)
        if "?" in base:
            raise ConfigError(
                f"{SOURCE_OPTIONS}.url is {mask_url(base)!r}; names of streams are appended to it, so it has no query.",
                hint=f"A login belongs under {SOURCE_OPTIONS}.authentication.",
                key=f"{SOURCE_OPTIONS}.url",
            )
        return EventStreamsEndpoint(
            base=base if base.endswith("/") else f"{base}/",
            streams=tuple(options.streams or (stream.stream for stream in context.streams)),
            since=options.since,
            end=options.end,
            max_record_bytes=options.max_record_bytes,
            http=context.http,
            state=context.state_file,
            reconnect_limit=options.reconnect_limit,
            credential=resolve_authentication(
                options.authentication, urls=[base], key=f"{SOURCE_OPTIONS}.authentication"
            ),
        )
