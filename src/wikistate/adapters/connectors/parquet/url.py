"""URLs of folders of Parquet files: ``parquet:FOLDER``."""

from __future__ import annotations

from wikistate.adapters.connectors.urls import parse_path

SCHEME = "parquet"
SINK_URL = "parquet:FOLDER"


def parse(text: str, *, key: str) -> dict[str, object]:
    """Return the options of the folder that a URL names. Raises `ConfigError`."""
    return {"path": parse_path(text, key=key)}
