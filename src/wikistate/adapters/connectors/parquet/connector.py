"""The connector `parquet`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from wikistate.adapters.connectors.connector import Capabilities, SinkDefaults, missing_setting, not_a_source
from wikistate.adapters.connectors.parquet import url
from wikistate.adapters.connectors.parquet.endpoint import CAPABILITIES, ParquetEndpoint
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.adapters.connectors.connector import SinkContext, SourceContext
    from wikistate.config.connectors import ParquetSinkOptions, SourceOptions


@dataclass(frozen=True, slots=True)
class ParquetConnector:
    """Folders of Parquet files. See `Connector` for the protocol."""

    name: str = "parquet"
    scheme: str = url.SCHEME
    source_url: str = ""
    sink_url: str = url.SINK_URL
    capabilities: Capabilities = CAPABILITIES

    def parse_source_url(self, text: str, *, key: str) -> NoReturn:  # noqa: ARG002  (no URL is valid)
        """See `Connector`. Raises `ConfigError` always."""
        raise not_a_source(self.name, key=key)

    def parse_sink_url(self, text: str, *, key: str) -> dict[str, object]:
        """See `Connector`."""
        return url.parse(text, key=key)

    def resolve_source(self, options: SourceOptions, context: SourceContext) -> NoReturn:  # noqa: ARG002  (nothing is valid)
        """See `Connector`. Raises `ConfigError` always."""
        raise not_a_source(self.name, key="stream_manager.source.connector")

    def resolve_sink(self, options: ParquetSinkOptions, context: SinkContext) -> ParquetEndpoint:
        """See `Connector`. Error events are not written into a folder, because a replay could not read them."""
        if context.is_error_sink:
            raise ConfigError(
                f"{context.key} is a Parquet folder, which does not accept error events.",
                hint="Name a file or a topic: `wikistate replay` reads them from there.",
                key=context.key,
            )
        if options.path in ("", "-"):
            raise missing_setting(f"{context.key}.path", "It names the folder, as in parquet:lake/page_content_change.")
        return ParquetEndpoint(path=options.path, roll_bytes=options.roll_bytes, roll_seconds=options.roll_seconds)

    def default_error_sink(self, options: ParquetSinkOptions) -> SinkDefaults:
        """See `Connector`: the file ``folder.errors.ndjson`` beside the folder."""
        return SinkDefaults("file", {"path": f"{options.path.rstrip('/')}.errors.ndjson"})
