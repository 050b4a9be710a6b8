"""The pipeline of a replay: the failed events of an error stream, through their job or back onto their stream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wikistate.core.events.message_key import MessageKey
from wikistate.errors import ConfigError
from wikistate.ops.replay import ReplaySource, resolve_error_stream
from wikistate.ops.requeue import RequeueJob
from wikistate.wiring.pipeline import StatelessPipeline
from wikistate.wiring.registry import assemble_stateless
from wikistate.wiring.streams import read_streams

if TYPE_CHECKING:
    from wikistate.config.model import Configuration
    from wikistate.core.events.replay import ReplayFilter
    from wikistate.ops.replay import Survey
    from wikistate.streaming.ports import Source
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import SourceEndpoint
    from wikistate.wiring.registry import JobSpec


def is_stream(target: str) -> bool:
    """Return whether the target of a replay is the URL of a stream and not the name of a job.

    A misspelt job name must not become the name of a file, so a path needs a slash or a scheme.
    """
    return ":" in target or "/" in target


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """A pipeline that reads an error stream, before it is known which records are to be replayed.

    Attributes:
        pipeline: The pipeline over the whole error stream.
        replay_filter: The filter of error events.
    """

    pipeline: StatelessPipeline
    replay_filter: ReplayFilter

    @property
    def source(self) -> SourceEndpoint:
        """The endpoint of the error stream."""
        return self.pipeline.source

    def build(self, found: Survey) -> StatelessPipeline:
        """Return the pipeline over the events that a survey has found."""

        def wrap_source(source: Source) -> Source:
            return ReplaySource(source, self.replay_filter, found.end_offsets)

        return replace(self.pipeline, wrap_source=wrap_source)


def assemble_replay(
    spec: JobSpec,
    configuration: Configuration,
    meter: Meter,
    replay_filter: ReplayFilter,
    *,
    group: str = "",
    onto_stream: bool,
) -> ReplayPlan:
    """Build the pipeline of a replay.

    Args:
        spec: The job that the errors belong to.
        configuration: The settings; the source is the error stream.
        meter: The meter that the pipeline reports to.
        replay_filter: The filter of error events.
        group: The consumer group; empty for the default of the filter.
        onto_stream: Whether to put the events back onto their stream, the sink, instead of through the job.

    Raises:
        ConfigError: A setting is wrong, or the error stream cannot be read twice.
        DocumentError: A stream or schema does not exist, or does not have the required form.
        ExternalError: The place of a stream configuration or a schema does not answer.
    """
    pipeline = assemble_stateless(spec, configuration, meter)
    if onto_stream:
        pipeline = _requeue(pipeline, configuration)
    source = resolve_error_stream(pipeline.source, replay_filter, group=group)
    return ReplayPlan(replace(pipeline, endpoints=replace(pipeline.endpoints, source=source)), replay_filter)


def _requeue(pipeline: StatelessPipeline, configuration: Configuration) -> StatelessPipeline:
    """Replace the job by one that puts events back onto their stream. It never fails, so it has no error stream."""
    sink = pipeline.endpoints.sink
    if not sink.capabilities.source:
        raise ConfigError("--to: no job reads this kind of stream. Name a topic or a file.", key="--to")
    source = read_streams(configuration).source
    return StatelessPipeline(
        job=RequeueJob(MessageKey(source.config.message_key_fields)),
        endpoints=replace(pipeline.endpoints, error=sink),
    )
