"""The connector `file`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.connector import SOURCE_OPTIONS, Capabilities, SinkDefaults, missing_setting
from wikistate.adapters.connectors.files import url
from wikistate.adapters.connectors.files.endpoint import CAPABILITIES, STANDARD_STREAM, FileEndpoint
from wikistate.adapters.connectors.sibling_path import make_sibling_path

if TYPE_CHECKING:
    from wikistate.adapters.connectors.connector import SinkContext, SourceContext
    from wikistate.config.connectors import FileSinkOptions, FileSourceOptions


@dataclass(frozen=True, slots=True)
class FileConnector:
    """NDJSON files and the standard streams. See `Connector` for the protocol."""

    name: str = "file"
    scheme: str = url.SCHEME
    source_url: str = url.URL
    sink_url: str = url.URL
    capabilities: Capabilities = CAPABILITIES

    def parse_source_url(self, text: str, *, key: str) -> dict[str, object]:
        """See `Connector`."""
        return url.parse(text, key=key)

    def parse_sink_url(self, text: str, *, key: str) -> dict[str, object]:
        """See `Connector`."""
        return url.parse(text, key=key)

    def resolve_source(self, options: FileSourceOptions, context: SourceContext) -> FileEndpoint:  # noqa: ARG002  (not needed)
        """See `Connector`."""
        if not options.path:
            raise missing_setting(f"{SOURCE_OPTIONS}.path", "It names the file; - is standard input.")
        return FileEndpoint(path=options.path, bookmark=options.bookmark, max_record_bytes=options.max_record_bytes)

    def resolve_sink(self, options: FileSinkOptions, context: SinkContext) -> FileEndpoint:  # noqa: ARG002  (not needed)
        """See `Connector`. Without a path, standard output."""
        return FileEndpoint(path=options.path or STANDARD_STREAM)

    def default_error_sink(self, options: FileSinkOptions) -> SinkDefaults:
        """See `Connector`: ``out.errors.ndjson`` beside ``out.ndjson``, standard error beside standard output."""
        path = options.path
        return SinkDefaults(
            self.name, {"path": path if path in ("", STANDARD_STREAM) else make_sibling_path(path, "errors")}
        )
