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
        reader: Who reads the source; positions are kept for each reader apart.
        roll_bytes: Size from which on a file is complete.
        roll_seconds: How long what is written may wait until readers see it.
    """

    path: Path
    reader: str = ""
    roll_bytes: int = 128 * 1024 * 1024
    roll_seconds: float = 300.0
