"""Every error that wikistate raises on purpose, as one tree.

::

    WikistateError
    ├── ConfigError            config    the operator's settings are wrong: key, what was found, what is allowed
    ├── InputError             input     an event, a file or a document is not what it must be
    │   ├── DocumentError      input       a schema or a stream configuration is missing or malformed
    │   ├── RdfError           input       a document is not RDF, or larger than it may be
    │   └── MungeError         input       the RDF of an entity is not that of the entity, or lacks what it must state
    ├── ExternalError          external  something outside does not do its part
    │   ├── SourceError        external    a source cannot be read
    │   ├── SinkError          external    a sink cannot be written
    │   │   ├── OversizeError  external      because one record is larger than it takes
    │   │   └── RewoundError   external      because it holds less than it was given: it was restored from a copy
    │   ├── StateError         external    the file that a job keeps its state in cannot be used
    │   ├── StoreError         external    a triple store does not take or tell what it should
    │   ├── WikiError          external    a wiki does not answer as the Action API says
    │   ├── EngineError        external    the engine that a job was given to (Flink) failed
    │   └── PartError          external    a part that is fetched or started (Java, jar, broker) is not to be had
    ├── ErrorLimitError        external  more events fail than the operator allows
    └── InternalError          internal  a defect of ours

Each error says whose fault it is (`domain`) and whether trying again can help (`retry`), carries the ids that
lead to the place (`ids`), and has two texts for the person who reads it: the message (what happened, where) and
the hint (what to do next). All of them survive `pickle`, because Flink sends them between processes.

Back-pressure and filtered events are signals, not errors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Domain(StrEnum):
    """Whose fault an error is."""

    INPUT = "input"
    EXTERNAL = "external"
    INTERNAL = "internal"
    CONFIG = "config"


class RetryHint(StrEnum):
    """Whether the same call may succeed later without anyone changing anything."""

    NEVER = "never"
    LATER = "later"


class WikistateError(Exception):
    """The root of the tree.

    Args:
        message: What happened and where, one sentence, for the person who runs the job.
        hint: What to do next. Empty when there is nothing to advise.
        ids: What leads to the place, for example ``file``, ``topic``, ``offset``, ``key``.
    """

    domain: ClassVar[Domain] = Domain.INTERNAL
    retry: ClassVar[RetryHint] = RetryHint.NEVER

    def __init__(self, message: str, *, hint: str = "", **ids: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.ids = ids

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call the class with the message alone and lose hint and ids.
        return (_rebuild, (type(self), self.message, self.hint, self.ids))

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


def _rebuild(kind: type[WikistateError], message: str, hint: str, ids: dict[str, object]) -> WikistateError:
    return kind(message, hint=hint, **ids)


class ConfigError(WikistateError):
    """The operator's settings are wrong. ``ids['key']`` is the dotted path of the setting where there is one."""

    domain = Domain.CONFIG


class InputError(WikistateError):
    """Something that was handed to us is not what it must be."""

    domain = Domain.INPUT


class DocumentError(InputError):
    """A schema or a stream configuration is missing, malformed, or not the one that the settings name."""


class RdfError(InputError):
    """A document is not RDF, or has more triples than it may. ``ids['line']`` is where, when the parser says so."""


class MungeError(InputError):
    """Triples are not those of the entity that they are said to be, or lack what every entity states."""


class ExternalError(WikistateError):
    """Something outside does not do its part; it may do so later."""

    domain = Domain.EXTERNAL
    retry = RetryHint.LATER


class SourceError(ExternalError):
    """A source cannot be read."""


class SinkError(ExternalError):
    """A sink cannot be written. What was not yet flushed is not committed, so a restart produces it again."""


class RewoundError(SinkError):
    """A place that keeps the source's positions holds an older one than it was given: read again from there."""


class StateError(ExternalError):
    """The file that a job keeps its state in cannot be used."""

    retry = RetryHint.NEVER


class StoreError(ExternalError):
    """A triple store refuses what it is sent, or is not the one that it should be. What passes by itself is waited for."""

    retry = RetryHint.NEVER


class WikiError(ExternalError):
    """A wiki does not answer as the Action API's documentation says."""


class EngineError(ExternalError):
    """The engine that a job was given to failed, or the job failed there."""


class PartError(ExternalError):
    """What a job on Flink, a test or a tool needs (Java, a jar, a broker, a wiki) is not to be had on this machine."""

    retry = RetryHint.NEVER


class ErrorLimitError(WikistateError):
    """More events fail than the operator allows. Whose fault that is, their error events say."""

    domain = Domain.EXTERNAL


class InternalError(WikistateError):
    """A defect of ours. The message asks for a report."""
