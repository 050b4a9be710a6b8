"""The settings of a sink of Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetSettings:
    """A folder of Parquet files.

    Attributes:
        path: The folder.
        reader: The reader of the source, such as a consumer group; positions are separate for each reader.
        roll_bytes: The size at which a file is complete.
        roll_seconds: The longest time in seconds until written events are visible to readers.
    """

    path: Path
    reader: str = ""
    roll_bytes: int = 128 * 1024 * 1024
    roll_seconds: float = 300.0
