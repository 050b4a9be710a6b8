"""Logs: events with named fields, as ECS JSON for collectors or as sentences on a terminal.

The code logs the ids that `wikistate.telemetry.log_events` declares. JSON holds the id; a terminal shows the sentence of
the declaration. Lines that are not declared there, those of custom enrichments and of libraries, keep their text.

Log lines go to standard error: standard output may be a sink. A terminal shows the texts of others with escapes; JSON holds
the exact texts, except secrets.
"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO, cast

import structlog

from wikistate.config.model import LogFormat, Telemetry
from wikistate.secret import mask
from wikistate.telemetry.log_events import declared
from wikistate.telemetry.outside_text import show_lines, show_text
from wikistate.telemetry.standard_streams import unguarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class LogOutput:
    """Standard error of the process, which a live line may share: it is hidden while lines are written, on any thread."""

    def __init__(self) -> None:
        self._stream: TextIO | None = None
        self._hide_line: Callable[[], AbstractContextManager[None]] = nullcontext

    def attach(self) -> None:
        """Write to the standard error that the process has now."""
        self._stream = unguarded(sys.stderr)

    def write(self, text: str) -> None:
        """Write whole lines."""
        stream = unguarded(sys.stderr) if self._stream is None else self._stream
        with self._hide_line():
            stream.write(text)
            stream.flush()

    def flush(self) -> None:
        """Return: `write` has flushed the stream."""

    @contextmanager
    def share(self, hide_line: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
        """Hide a live line around each write inside the block.

        Args:
            hide_line: Returns a context without the live line.
        """
        before, self._hide_line = self._hide_line, hide_line
        try:
            yield
        finally:
            self._hide_line = before


LOG_OUTPUT = LogOutput()
"""The stream of all log lines of this process."""


def configure_logs(settings: Telemetry, *, job_name: str = "") -> None:
    """Configure structlog for the process. A second call replaces the configuration.

    Args:
        settings: Format and level.
        job_name: Value of ``service.name`` in each line.
    """
    LOG_OUTPUT.attach()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *_rendering(settings.log_format, job_name),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", LOG_OUTPUT)),
        cache_logger_on_first_use=False,
    )


def _rendering(log_format: LogFormat, job_name: str) -> tuple[structlog.typing.Processor, ...]:
    human = log_format is LogFormat.HUMAN or (log_format is LogFormat.AUTO and sys.stderr.isatty())
    if human:
        # Plain tracebacks: formatted ones show local variables, which may hold secrets.
        plain = structlog.dev.plain_traceback
        return (_as_sentence, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain))
    return (_EcsRenderer(job_name),)


def _as_sentence(
    _logger: structlog.typing.WrappedLogger, _name: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace the id by the sentence of its declaration. The fields that the sentence does not contain stay.

    All texts become visible characters on one line; the lines of a traceback are indented.
    """
    if (event := declared(line)) is not None:
        line["event"] = event.sentence.format_map({name: show_text(value, _MAX_FIELD) for name, value in line.items()})
        for name in event.placeholders:
            line.pop(name, None)
    shown: structlog.typing.EventDict = {}
    for name, value in line.items():
        if name in _TRACES:
            shown[name] = "\n".join(f"  {each}" for each in show_lines(str(value)))
        else:
            shown[name] = show_text(value) if name in _ECS else _ShownField(value)
    return shown


class _ShownField:
    """Value of a field at a terminal: quoted if it has spaces, as the console renderer quotes texts."""

    __slots__ = ("_shown",)

    def __init__(self, value: object) -> None:
        shown = show_text(value if isinstance(value, str) else repr(value), _MAX_FIELD)
        if isinstance(value, str) and (not shown or set(shown) & _QUOTED):
            quote = '"' if "'" in shown else "'"
            shown = f"{quote}{shown}{quote}"
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown


class _EcsRenderer:
    """Structlog processor that renders a line as JSON of the Elastic Common Schema (ECS).

    The id of a declared event is the message and also `event.action`, the field of ECS for that.
    """

    def __init__(self, job_name: str) -> None:
        from ecs_logging import StructlogFormatter  # noqa: PLC0415  (an import that a terminal does not need)

        self._format = StructlogFormatter()
        self._job_name = job_name

    def __call__(
        self, logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict
    ) -> str | bytes:
        declaration = declared(event)
        # ECS has no fields for topics and revisions: other fields than those of the schema go under `labels`.
        fields = {key: event.pop(key) for key in list(event) if key not in _ECS and "." not in key}
        line = {"event": event["event"], "log.level": event["level"]}
        line |= {key: value for key, value in event.items() if "." in key}
        if declaration is not None:
            line["event.action"] = declaration.id
        if self._job_name:
            line["service.name"] = self._job_name
        if (stack := fields.pop("exception", None)) is not None:
            line["error.stack_trace"] = stack
        if fields:
            line["labels"] = fields
        # JSON escapes all control characters but this one.
        return mask(str(self._format(logger, name, line))).replace("\x7f", "\\u007f")


_ECS = frozenset({"event", "level", "timestamp"})
_TRACES = frozenset({"exception", "stack"})
_QUOTED = frozenset(" =\"'")
_MAX_FIELD = 1_000  # characters at a terminal
