"""A resolved folder of Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NoReturn

from wikistate.adapters.connectors.connector import Capabilities, SinkEndpoint
from wikistate.adapters.connectors.files.endpoint import MAX_FILE_RECORD, STANDARD_STREAM, FileEndpoint
from wikistate.adapters.connectors.parquet.settings import ParquetSettings
from wikistate.adapters.connectors.parquet.sink import ParquetSink
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.adapters.connectors.connector import SharedClients

CAPABILITIES = Capabilities(sink=True, stores_positions=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetEndpoint(SinkEndpoint):
    """A folder of Parquet files. `roll_bytes` and `roll_seconds` as in ``stream_manager.sink.options``."""

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    path: str
    roll_bytes: int
    roll_seconds: float
    max_record_bytes: int = MAX_FILE_RECORD

    @property
    def place(self) -> str:
        """See `NamedPlace`."""
        return self.path

    def build_table_sink(self, reader: str) -> ParquetSink:
        """Build the sink that commits positions with its files.

        Args:
            reader: The reader of the source, such as a consumer group; positions are separate for each reader.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        return ParquetSink(
            ParquetSettings(
                path=Path(self.path), reader=reader, roll_bytes=self.roll_bytes, roll_seconds=self.roll_seconds
            )
        )

    def build_sink(
        self,
        clients: SharedClients,  # noqa: ARG002  (see the error)
        *,
        standard_stream: int,  # noqa: ARG002
        partition: int | None = None,  # noqa: ARG002
    ) -> NoReturn:
        """See `SinkEndpoint`. Raises `ConfigError` always: the folder needs the positions of the source."""
        raise ConfigError(
            f"{self.path}: this job does not write into a Parquet folder.", hint="Name a topic or a file."
        )

    def for_stream(self, stream: str, topic: str = "") -> ParquetEndpoint:  # noqa: ARG002  (a folder has one table)
        """See `SinkEndpoint`: the same folder."""
        return self

    def for_side_output(self, stream: str) -> FileEndpoint:  # noqa: ARG002  (all side outputs share a stream)
        """See `SinkEndpoint`: standard error."""
        return FileEndpoint(path=STANDARD_STREAM)
