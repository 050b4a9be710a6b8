"""Outputs that a topic has refused: an error event takes the place of each, when the run has resumed at its last commit.

A broker refuses a batch and not a record, and only the job can make an error event, from the source record. So a refusal
takes two more passes over the uncommitted records: the first writes batches so small that each refused output is known,
and notes the record of each output. The second writes the error events. Until the first refusal nothing is noted.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from wikistate.errors import SinkError, SinkInterruptedError
from wikistate.streaming.job import RefusalReporter
from wikistate.streaming.ports import RefusedError, RefusedOutput, digest_output
from wikistate.streaming.record import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wikistate.streaming.job import Job
    from wikistate.streaming.record import OnDone, Output, Record

_BATCH_OVERHEAD = 512
"""Bytes of a batch of one record beside its value: headers of batch and record, and the key of an error event."""


class OutputsRefusedError(SinkInterruptedError):
    """Outputs that a topic refused and that are known now; the run resumes at its last commit and reports them."""


class _Place(NamedTuple):
    """The place of an output: its record, its position among the outputs of the record, and what it is."""

    record: bytes
    position: int
    role: Role
    size: int


@dataclass(slots=True)
class _Refusal:
    """The refused outputs of one record.

    Attributes:
        events: The refused outputs for the sink, by their position.
        max_error_bytes: The largest error event; None while none was refused.
    """

    events: dict[int, RefusedOutput] = field(default_factory=dict)
    max_error_bytes: int | None = None


class Refusals:
    """The refused outputs of a run, and the error events that take their place.

    Args:
        job: The job. Unless it is a `RefusalReporter`, a refusal ends the run.
        max_noted: Bound of the outputs whose record is noted, and of the records with refused outputs. It must be more than
            may be uncommitted: a record that was forgotten would be refused again.
    """

    def __init__(self, job: Job, *, max_noted: int = 100_000) -> None:
        self._max_noted = max_noted
        self._reporter = job if isinstance(job, RefusalReporter) else None
        self._noted: OrderedDict[bytes, _Place] = OrderedDict()
        self._refused: OrderedDict[bytes, _Refusal] = OrderedDict()
        self._limits: dict[str, int] = {}
        self.batch_bytes: int | None = None
        """The size of batches in which a refused output is alone, in bytes; None until the first refusal."""

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Learn from a refusal inside the block.

        Raises:
            OutputsRefusedError: The run is to resume at its last commit.
            SinkError: An error event is refused for good, or the job does not report refusals.
        """
        try:
            yield
        except RefusedError as error:
            if self._reporter is None:
                raise
            self._learn(error)
            raise OutputsRefusedError(error.message, hint=error.hint) from error

    def _learn(self, error: RefusedError) -> None:
        self._limits |= error.limits
        needed = min(map(self._find_batch_size, error.refused), default=1)
        if self.batch_bytes is None or needed < self.batch_bytes:
            self.batch_bytes = needed
        elif not sum([self._learn_output(refused) for refused in error.refused]):
            cut = ", even without raw_event" if any(refused.by_size for refused in error.refused) else ""
            raise SinkError(
                f"{error.message} No error event that the topic accepts can take its place{cut}.",
                hint=error.hint,
                **{name: value for name, value in error.ids.items() if name != "refused"},
            ) from error
        self._noted.clear()  # the outputs of the next pass are noted again
        while len(self._refused) > self._max_noted:
            self._refused.popitem(last=False)

    def _find_batch_size(self, refused: RefusedOutput) -> int:
        """Return the size of batches in which the output is alone, or which the topic cannot refuse."""
        limit = self._limits.get(refused.target) if refused.by_size else None
        return 1 if limit is None else max(1, limit - _BATCH_OVERHEAD)

    def _learn_output(self, refused: RefusedOutput) -> bool:
        """Return whether the next pass writes something else in place of the output."""
        place = self._noted.get(refused.digest)
        if place is None:
            return False
        refusal = self._refused.setdefault(place.record, _Refusal())
        if place.role is not Role.ERROR:
            refusal.events[place.position] = refused
            return True
        earlier = refusal.max_error_bytes
        if not refused.by_size or (earlier is not None and place.size > earlier):
            return False  # nothing is left to cut
        limit = self._limits.get(refused.target, place.size) - _BATCH_OVERHEAD
        refusal.max_error_bytes = limit if 0 < limit < place.size and earlier is None else place.size // 2
        return True

    def wrap(self, record: Record, on_done: OnDone) -> OnDone:
        """Return a callback that reports refused outputs of the record, and passes all others to `on_done`."""
        return partial(self._on_outputs, record, on_done)

    def _on_outputs(self, record: Record, on_done: OnDone, outputs: list[Output]) -> None:
        identity = _identify(record)
        refusal = self._refused.get(identity)
        written = outputs if refusal is None else self._report(refusal, record, outputs)
        for position, output in enumerate(written):
            place = _Place(identity, position, output.role, len(output.value))
            self._noted[digest_output(output.key, output.value)] = place
        while len(self._noted) > self._max_noted:
            self._noted.popitem(last=False)
        on_done(written)

    def _report(self, refusal: _Refusal, record: Record, outputs: Sequence[Output]) -> list[Output]:
        """Return the outputs, with error events in place of those that were refused."""
        reporter = self._reporter
        if reporter is None:
            return list(outputs)
        written = []
        for position, output in enumerate(outputs):
            refused = refusal.events.get(position)
            new = output
            if refused is not None and output.role is not Role.ERROR:
                new = reporter.report_refusal(record, self._describe(refused), by_size=refused.by_size)
            if (
                refusal.max_error_bytes is not None
                and new.role is Role.ERROR
                and len(new.value) > refusal.max_error_bytes
            ):
                new = reporter.shorten(new, refusal.max_error_bytes)
            written.append(new)
        return written

    def _describe(self, refused: RefusedOutput) -> str:
        reason = (
            f"The topic {refused.target!r} refused the event of {refused.size} bytes with its key: {refused.reason}."
        )
        if not refused.by_size:
            return reason
        limit = self._limits.get(refused.target)
        accepted = "" if limit is None else f" It accepts {limit} bytes after compression."
        return f"{reason}{accepted} Raise max.message.bytes of the topic, or lower enrich.max_content_size."


def _identify(record: Record) -> bytes:
    """Return a digest of the content of a record: offsets of some sources differ when the source is opened again."""
    about = repr((record.partition.topic, record.key, record.truncated_bytes)).encode()
    digest = blake2b(about, digest_size=16)
    digest.update(record.value or b"")
    return digest.digest()
