"""Parquet files that are being written, one for each hour; blocking, for a separate thread."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from wikistate.adapters.connectors.parquet.columns import FIELDS, build_row

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.adapters.connectors.parquet.columns import Row
    from wikistate.streaming.record import Output

_ARROW = {"string": pa.string(), "int64": pa.int64(), "bool": pa.bool_()}

SCHEMA = pa.schema(
    [
        *(pa.field(column.name, _ARROW[column.kind]) for column in FIELDS),
        pa.field("event_time", pa.timestamp("ms", tz="UTC")),
        pa.field("content_bodies", pa.map_(pa.string(), pa.string())),
        pa.field("event", pa.string()),
    ]
)
"""The columns of the table; the names of the folders hold those of the partition."""

ROW_GROUP_BYTES = 16 * 1024 * 1024
"""Bytes of events that fill a row group: the memory of an open file."""


class OpenFile:
    """One file that grows by row groups.

    Args:
        path: The path of the file. It is not a valid Parquet file before `close`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pending_rows = 0
        self._rows: list[Row] = []
        self._file: BinaryIO = path.open("xb")
        self._writer = pq.ParquetWriter(self._file, SCHEMA, compression="zstd")

    @property
    def size(self) -> int:
        """Bytes on disk and in memory."""
        return self._file.tell() + self.pending_rows

    def write(self, output: Output) -> None:
        """Append an event."""
        self._rows.append(build_row(output))
        self.pending_rows += len(output.value)
        if self.pending_rows >= ROW_GROUP_BYTES:
            self.write_row_group()

    def write_row_group(self) -> None:
        """Write the pending events, if there are any."""
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
            self._rows, self.pending_rows = [], 0

    def close(self) -> None:
        """Complete it and make it durable."""
        self.write_row_group()
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Close the file and delete it."""
        self._rows = []
        self._file.close()
        self.path.unlink(missing_ok=True)
