"""A resolved file: the options of a file that is read or written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from wikistate.adapters.connectors.connector import Capabilities, SinkEndpoint, SourceEndpoint
from wikistate.adapters.connectors.files.append_file import AppendFile
from wikistate.adapters.connectors.files.sink import FileSink
from wikistate.adapters.connectors.files.source import STANDARD_INPUT, FileSource
from wikistate.adapters.connectors.files.tail import describe_contents
from wikistate.adapters.connectors.sibling_path import make_sibling_path
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.adapters.connectors.connector import SharedClients
    from wikistate.streaming.ports import ResumePositions, Sink

CAPABILITIES = Capabilities(source=True, sink=True, error_sink=True, resumable=True, standard_stream=True)

STANDARD_STREAM = "-"
"""The path that stands for standard input, standard output and, for errors, standard error."""

MAX_FILE_RECORD = 256 * 1024 * 1024
"""The longest line that is written to a file, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEndpoint(SourceEndpoint, SinkEndpoint):
    """A file or a standard stream.

    Attributes:
        path: The path; ``-`` for a standard stream.
        bookmark: The file that stores the position of a file that is read; empty for none.
        max_record_bytes: The longest line in bytes.
        is_private: Whether a new file is for the user of the process only: it belongs to a store or state that is.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    path: str
    bookmark: str = ""
    max_record_bytes: int = MAX_FILE_RECORD
    is_private: bool = field(default=False, repr=False)

    @property
    def identity(self) -> str:
        """See `SourceEndpoint`."""
        return repr(self)

    @property
    def topics_to_create(self) -> None:
        """See `SourceEndpoint`: a file has no topics."""
        return None

    @property
    def is_standard_stream(self) -> bool:
        """Whether it is standard input, output or error."""
        return self.path == STANDARD_STREAM

    @property
    def can_be_read_again(self) -> bool:
        """See `SourceEndpoint`. A pipe is read once."""
        return not self.is_standard_stream and Path(self.path).is_file()

    def build_source(self, *, resume: ResumePositions | None = None) -> FileSource:
        """See `SourceEndpoint`."""
        return FileSource(
            [STANDARD_INPUT if self.is_standard_stream else Path(self.path)],
            max_record_bytes=self.max_record_bytes,
            offset_file=Path(self.bookmark) if self.bookmark else None,
            resume=resume,
        )

    def build_sink(
        self,
        clients: SharedClients,
        *,
        standard_stream: int,
        partition: int | None = None,  # noqa: ARG002  (a file has one)
    ) -> Sink:
        """See `SinkEndpoint`. Sinks of the same file share one writer."""
        target = standard_stream if self.is_standard_stream else Path(self.path)
        client = ("file", target if isinstance(target, int) else target.resolve())
        return clients.get(client, lambda: FileSink(target, is_private=self.is_private))

    @property
    def place(self) -> str:
        """See `LocalOutput`."""
        return self.path

    def describe_contents(self) -> str:
        """See `LocalOutput`."""
        return "" if self.is_standard_stream else describe_contents(Path(self.path))

    def clear(self) -> None:
        """See `LocalOutput`. A standard stream, a device or a pipe has nothing to remove."""
        path = Path(self.path)
        if self.is_standard_stream or not path.is_file():
            return
        file = AppendFile(path)
        file.open(is_emptied=True)
        file.close()

    def for_replay(self, suffix: str, *, group: str = "") -> FileEndpoint:  # noqa: ARG002  (files have no groups)
        """See `SourceEndpoint`. A bookmark beside the file stores the position of the replays."""
        if self.is_standard_stream:
            raise ConfigError(
                "A replay reads its error stream twice, which standard input does not allow.",
                hint="Save it to a file, or name a topic.",
                key="--from",
            )
        return replace(self, bookmark=f"{self.path}.replayed{suffix}")

    def for_single_reader(self, topic: str) -> FileEndpoint:  # noqa: ARG002  (a file has none)
        """See `SourceEndpoint`."""
        return self

    def for_stream(self, stream: str, topic: str = "") -> FileEndpoint:  # noqa: ARG002  (a file has none)
        """See `SinkEndpoint`: the same file."""
        return self

    def for_side_output(self, stream: str) -> FileEndpoint:  # noqa: ARG002  (all side outputs share a file)
        """See `SinkEndpoint`: the file ``out.side.ndjson`` beside ``out.ndjson``, or standard error."""
        if self.is_standard_stream:
            return FileEndpoint(path=STANDARD_STREAM)
        return FileEndpoint(path=make_sibling_path(self.path, "side"))
