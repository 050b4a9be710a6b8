"""Tree of all errors that wikistate raises on purpose.

::

    WikistateError
    ├── ConfigError            config    a setting is wrong: the key, the value found, the allowed values
    │   └── SettingsError      config    several settings are wrong, each with a line
    ├── InputError             input     an event, a file or a document is not valid
    │   ├── DocumentError      input       a schema or a stream configuration is missing or malformed
    │   ├── RdfError           input       a document is not RDF, or is too large
    │   └── MungeError         input       RDF is not about the expected entity, or lacks a required triple
    ├── ExternalError          external  an outside system fails
    │   ├── SourceError        external    a source cannot be read
    │   │   └── SourceInterruptedError       because of an outage: read again from the last commit
    │   ├── SinkError          external    a sink cannot be written
    │   │   ├── OversizeError  external      because one record is larger than the sink accepts
    │   │   ├── RefusedError   external      because the target of the sink refuses a record or its batch
    │   │   ├── SinkInterruptedError         because of an outage: write again from the last commit
    │   │   └── RewoundError   external      because the sink lost records: it was restored from a backup
    │   ├── StateError         external    the state file of a job cannot be used
    │   ├── StoreError         external    a triple store refuses a request or gives a wrong response
    │   ├── WikiError          external    a wiki does not respond as the Action API is documented
    │   ├── EngineError        external    the engine of a job (Flink) failed
    │   └── PartError          external    a required part (Java, jar, broker) is not available on this machine
    ├── ErrorLimitError        external  more events fail than the operator allows
    └── InternalError          internal  a defect of wikistate

Each error has the domain of its cause (`domain`), a hint whether a retry can help (`retry`) and ids of the place (`ids`).
It has two texts for the person who reads it: the message (what happened, where) and the hint (what to do next). Neither
holds a secret. All errors survive `pickle`, because Flink sends them between processes.

Back-pressure and filtered events are signals, not errors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from wikistate.secret import mask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Domain(StrEnum):
    """Domain of the cause of an error."""

    INPUT = "input"
    EXTERNAL = "external"
    INTERNAL = "internal"
    CONFIG = "config"


class RetryHint(StrEnum):
    """Hint whether the same call may succeed later without a change."""

    NEVER = "never"
    LATER = "later"


class WikistateError(Exception):
    """Root of the tree.

    Args:
        message: One sentence about the event and its place, for the person who runs the job.
        hint: Advice for the next step. Empty if there is none.
        ids: Names and values that lead to the place, for example ``file``, ``topic``, ``offset``, ``key``.
    """

    domain: ClassVar[Domain] = Domain.INTERNAL
    retry: ClassVar[RetryHint] = RetryHint.NEVER

    def __init__(self, message: str, *, hint: str = "", **ids: object) -> None:
        message = mask(message)
        super().__init__(message)
        self.message = message
        self.hint = mask(hint)
        self.ids = ids

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call the class with the message alone and lose hint and ids.
        return (_rebuild, (type(self), self.message, self.hint, self.ids))

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


def _rebuild(kind: Callable[..., WikistateError], message: object, hint: str, ids: dict[str, object]) -> WikistateError:
    return kind(message, hint=hint, **ids)


class ConfigError(WikistateError):
    """Wrong setting. ``ids['key']`` is the dotted path of the setting if there is one."""

    domain = Domain.CONFIG


class SettingsError(ConfigError):
    """Wrong settings.

    Args:
        problems: A line for each.
        hint: See `WikistateError`.
    """

    def __init__(self, problems: Sequence[str], *, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = tuple(mask(problem) for problem in problems)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.problems, self.hint, {}))


class InputError(WikistateError):
    """Invalid input: an event, a file or a document."""

    domain = Domain.INPUT


class DocumentError(InputError):
    """Schema or stream configuration that is missing, malformed, or not the document that the settings name."""


class RdfError(InputError):
    """Document that is not RDF, or has too many triples. ``ids['line']`` is the place, if the parser reports it."""


class MungeError(InputError):
    """RDF that is not about the expected entity, or lacks triples that every entity has."""


class ExternalError(WikistateError):
    """Failure of an outside system; a later call may succeed."""

    domain = Domain.EXTERNAL
    retry = RetryHint.LATER


class SourceError(ExternalError):
    """Source that cannot be read."""


class SourceInterruptedError(SourceError):
    """Source whose connection or membership was lost in an outage. A new source resumes at the last commit."""


class SinkError(ExternalError):
    """Sink that cannot be written. Records that were not flushed are not committed, so a restart writes them again."""


class SinkInterruptedError(SinkError):
    """Sink that lost uncommitted outputs in an outage. A new sink takes them again, from the last commit."""


class RewoundError(SinkError):
    """Sink whose stored position of the source is older than the position written last: read again from there."""


class StateError(ExternalError):
    """State file of a job that cannot be used."""

    retry = RetryHint.NEVER


class StoreError(ExternalError):
    """Triple store that refuses a request, or is not the expected store. Transient failures are retried instead."""

    retry = RetryHint.NEVER


class WikiError(ExternalError):
    """Wiki that does not respond as the Action API is documented."""


class EngineError(ExternalError):
    """Failure of the engine that runs a job, or of the job on that engine."""


class PartError(ExternalError):
    """Required part of Flink, a test or a tool (Java, a jar, a broker, a wiki) that is not available on this machine."""

    retry = RetryHint.NEVER


class ErrorLimitError(WikistateError):
    """Run with more failed events than the operator allows. The error events have the causes."""

    domain = Domain.EXTERNAL


class InternalError(WikistateError):
    """Defect of wikistate. The message asks for a report."""
