"""NDJSON files, plain or compressed, and the standard streams."""

from wikistate.adapters.connectors.files.connector import FileConnector
from wikistate.adapters.connectors.files.sink import STANDARD_ERROR, STANDARD_OUTPUT, FileSink
from wikistate.adapters.connectors.files.source import MAX_RECORD_BYTES, STANDARD_INPUT, FileSource

__all__ = [
    "MAX_RECORD_BYTES",
    "STANDARD_ERROR",
    "STANDARD_INPUT",
    "STANDARD_OUTPUT",
    "FileConnector",
    "FileSink",
    "FileSource",
]
