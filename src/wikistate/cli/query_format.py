"""The formats of an answer, in a separate module: the command line's help needs them before it imports the query."""

from __future__ import annotations

from enum import StrEnum


class QueryFormat(StrEnum):
    """Format of an answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"
