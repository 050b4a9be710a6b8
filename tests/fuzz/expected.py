"""Findings that are known and not mended yet, by target and signature. The list must be empty in a release."""

from __future__ import annotations

EXPECTED: frozenset[tuple[str, str]] = frozenset(
    {
        ("compressed-file", "hang (CPU) in adapters/connectors/files/lines.py:_truncate"),
        ("compressed-file", "hang (CPU) in adapters/connectors/files/reader.py:<listcomp>"),
        ("sse-compressed", "hang (CPU) in adapters/compression/decoder.py:decompress"),
        ("sse-compressed", "hang (CPU) in adapters/connectors/eventstreams/parser.py:_keep_partial"),
        ("change-window", "AttributeError in adapters/connectors/recent_changes/position.py:load"),
        ("change-window", "JSONDecodeError in adapters/connectors/recent_changes/position.py:load"),
        ("change-window", "KeyError in adapters/connectors/recent_changes/position.py:load"),
        ("change-window", "TypeError in adapters/connectors/recent_changes/position.py:add"),
        ("change-window", "TypeError in adapters/connectors/recent_changes/position.py:load"),
        ("change-window", "TypeError in adapters/connectors/recent_changes/position.py:start"),
        ("checkpoint", "JSONDecodeError in adapters/connectors/recent_changes/position.py:load"),
        ("checkpoint", "UnicodeDecodeError in adapters/sqlite.py:open_exclusive"),
        ("entity-state", "JSONDecodeError in core/updater/state.py:unpack"),
        ("entity-state", "TypeError in core/updater/state.py:_unpack_event"),
        ("entity-state", "TypeError in core/updater/state.py:unpack"),
        ("entity-state", "ValueError in core/updater/state.py:_unpack_event"),
        ("entity-state", "ValueError in core/updater/state.py:unpack"),
        ("http-discovery", "TypeError in adapters/mediawiki/entity_pages.py:_extract_rows"),
        ("http-discovery", "request to a host that is not allowed"),
        ("http-discovery", "resolution of a host that is not allowed"),
        ("ledger", "TypeError in adapters/connectors/parquet/folder.py:_publish"),
        ("revisions", "TypeError in adapters/mediawiki/redirects.py:<dictcomp>"),
        ("site", "AttributeError in adapters/mediawiki/entity_pages.py:_extract_rows"),
        ("site", "AttributeError in core/updater/entity_pages.py:strip_namespace"),
        ("site", "KeyError in adapters/mediawiki/entity_pages.py:_entity_page"),
        ("site", "TypeError in adapters/mediawiki/entity_pages.py:_extract_rows"),
        ("state-file", "TypeError in runners/local/state_file.py:watermark"),
    }
)
