"""The world of a keyed job in the words of its stories."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SourceRecord = tuple[bytes | None, bytes | None]
"""Key and value of a record on the source."""


class Seen(NamedTuple):
    """Record that a job has written.

    Attributes:
        subject: The key of its story.
        text: Its meaning in the words of the stories; empty for a part of an output that is not its last.
        identity: An id that a repetition of the record has, too; empty for a record without one.
    """

    subject: str
    text: str
    identity: str


class World(Protocol):
    """The source and the wiki of a keyed job.

    Protocol: a context manager, inside which `stop` and `start` alternate; it is started at first.
    """

    @property
    def streams(self) -> Sequence[str]:
        """The streams that the job writes; the first one is that of its outputs."""

    @property
    def in_flight(self) -> int:
        """The number of requests without a response."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exit_: object) -> None: ...

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the job."""

    def create_subject(self) -> str:
        """Return a new key."""

    def perform(self, subject: str, step: str, time: int) -> Iterable[SourceRecord]:
        """Perform a step and return the records that it puts on the source.

        Args:
            subject: The key.
            step: The step in the words of the stories.
            time: Seconds since the epoch.
        """

    def hold(self) -> None:
        """Hold back each answer for seconds from now on."""

    def release(self) -> None:
        """Answer new requests at once from now on, as far as the steps allow."""

    def stop(self) -> None:
        """Break all connections and refuse new ones."""

    def start(self) -> None:
        """Start again at the same address."""

    def recognise(self, stream: str, value: bytes) -> Seen:
        """Return the meaning of a record of a stream."""

    def find_wrong_content(self, outputs: Sequence[bytes]) -> Mapping[str, str]:
        """Return the keys whose content is wrong after all outputs in their order, with the expected revision."""
