"""Findings that are known and not mended yet, by target and signature. The list must be empty in a release."""

from __future__ import annotations

EXPECTED: frozenset[tuple[str, str]] = frozenset(
    {
        ("checkpoint", "JSONDecodeError in adapters/connectors/recent_changes/position.py:load"),
        ("checkpoint", "UnicodeDecodeError in adapters/sqlite.py:open_exclusive"),
        ("entity-state", "ValueError in core/updater/state.py:unpack"),
        ("change-window", "AttributeError in adapters/connectors/recent_changes/position.py:load"),
        ("change-window", "JSONDecodeError in adapters/connectors/recent_changes/position.py:load"),
        ("change-window", "KeyError in adapters/connectors/recent_changes/position.py:load"),
        ("change-window", "TypeError in adapters/connectors/recent_changes/position.py:add"),
        ("change-window", "TypeError in adapters/connectors/recent_changes/position.py:load"),
        ("change-window", "TypeError in adapters/connectors/recent_changes/position.py:start"),
        ("ledger", "TypeError in adapters/connectors/parquet/folder.py:_publish"),
    }
)
