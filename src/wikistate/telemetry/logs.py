"""Logs: events with named fields, as ECS JSON for collectors or as text for eyes.

Log lines go to standard error: standard output may be a sink.
"""

from __future__ import annotations

import logging
import sys

import structlog

from wikistate.config.model import LogFormat, Telemetry


def configure_logs(settings: Telemetry, *, job_name: str = "") -> None:
    """Sets up structlog for the process. Calling it again replaces what was set.

    Args:
        settings: Format and level.
        job_name: Stands in each line as ``service.name``.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _renderer(settings.log_format, job_name),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _renderer(log_format: LogFormat, job_name: str) -> structlog.typing.Processor:
    human = log_format is LogFormat.HUMAN or (log_format is LogFormat.AUTO and sys.stderr.isatty())
    if human:
        # Plain tracebacks: the pretty ones show local variables, and those may hold secrets.
        plain = structlog.dev.plain_traceback
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    return _EcsRenderer(job_name)


class _EcsRenderer:
    """Lays a structlog event out in the Elastic Common Schema and renders it as one line."""

    def __init__(self, job_name: str) -> None:
        from ecs_logging import StructlogFormatter  # noqa: PLC0415  (a terminal does not pay for it)

        self._format = StructlogFormatter()
        self._job_name = job_name

    def __call__(
        self, logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict
    ) -> str | bytes:
        # ECS knows no topics and revisions: what is not a field of the schema goes under `labels`.
        fields = {key: event.pop(key) for key in list(event) if key not in _ECS and "." not in key}
        line = {"event": event["event"], "log.level": event["level"]}
        line |= {key: value for key, value in event.items() if "." in key}
        if self._job_name:
            line["service.name"] = self._job_name
        if (stack := fields.pop("exception", None)) is not None:
            line["error.stack_trace"] = stack
        if fields:
            line["labels"] = fields
        return str(self._format(logger, name, line))


_ECS = frozenset({"event", "level", "timestamp"})
