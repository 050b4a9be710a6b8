"""All connectors have the same file names, so that a reader of one knows the others."""

from __future__ import annotations

import pytest
from tests.unit.layout.test_file_sizes import ROOT

CONNECTORS = ROOT / "src" / "wikistate" / "adapters" / "connectors"
REQUIRED = {"__init__.py", "connector.py", "endpoint.py", "url.py"}
COMMON = REQUIRED | {"settings.py", "source.py", "sink.py", "position.py"}
PROTOCOL_PARTS = {
    "eventstreams": {"event_id.py", "external_positions.py", "parser.py", "single_topic.py"},
    "files": {"append_file.py", "codecs.py", "lines.py", "reader.py", "tail.py"},
    "kafka": {
        *("client.py", "connection_check.py", "errors.py", "java_client.py", "known_properties.py"),
        *("producer.py", "properties.py", "topic.py", "transactions.py"),
    },
    "parquet": {"columns.py", "commit_file.py", "files.py", "folder.py"},
    "recent_changes": {"event_builder.py", "inventory.py", "page_cache.py", "queries.py", "wiki.py"},
}
"""The files of each connector that belong to its own protocol."""


def test_each_connector_is_listed() -> None:
    """A new package states the parts of its protocol here."""
    packages = {path.name for path in CONNECTORS.iterdir() if (path / "__init__.py").exists()}
    assert packages == set(PROTOCOL_PARTS)


@pytest.mark.parametrize("package", PROTOCOL_PARTS)
def test_files_have_names_of_common_vocabulary(package: str) -> None:
    """A source is in `source.py`, a position in `position.py`; only parts of the protocol have other names."""
    files = {path.name for path in (CONNECTORS / package).glob("*.py")}
    assert files >= REQUIRED | PROTOCOL_PARTS[package]
    assert files & {"source.py", "sink.py"}
    assert files - COMMON == PROTOCOL_PARTS[package]
