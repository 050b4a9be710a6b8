"""The check of outputs against the largest batch of their topics: on Flink a refused record would end the job.

The sink of Flink cannot report one refused record to the job. So the worker reads the limit of each topic when it starts,
and compresses a larger output alone, as the producer does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pyarrow as pa
import structlog

from wikistate.adapters.connectors.kafka.settings import PRODUCER_DEFAULTS
from wikistate.adapters.connectors.kafka.topic import fetch_size_limits
from wikistate.errors import ConfigError
from wikistate.secret import reveal
from wikistate.streaming.job import RefusalReporter
from wikistate.streaming.record import Role
from wikistate.wiring.endpoints import KafkaSinkEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.streaming.job import Job
    from wikistate.streaming.record import Output, Record
    from wikistate.wiring.endpoints import Endpoints, SinkEndpoint

log = structlog.get_logger(__name__)

Name = TypeVar("Name")

BATCH_OVERHEAD = 512
"""Bytes of a batch of one record beside key and value."""

_CODEC_MARGIN = 1.02
"""The libraries of the two languages do not compress to exactly the same size."""


class TopicLimit(NamedTuple):
    """The limit of a topic that is written.

    Attributes:
        name: Its name.
        limit: Its `max.message.bytes`.
        codec: The compression of its producer.
    """

    name: str
    limit: int
    codec: str

    def accepts(self, output: Output) -> bool:
        """Return whether the broker accepts the output in a batch of its own."""
        size = len(output.value) + len(output.key or b"") + BATCH_OVERHEAD
        if size <= self.limit:
            return True
        if self.codec in {"none", "uncompressed"}:
            return False
        compressed = len(pa.compress(output.value, codec=self.codec, asbytes=True)) * _CODEC_MARGIN
        return compressed + len(output.key or b"") + BATCH_OVERHEAD <= self.limit


class SizeCheck:
    """Check of outputs before they reach a sink. Topics whose limit this client may not read are not checked.

    Args:
        job: The job. The outputs of a job that is no `RefusalReporter` are not checked.
        topics: The topics, by the role of the outputs.
    """

    def __init__(self, job: Job, topics: Mapping[Role, TopicLimit]) -> None:
        self._reporter = job if isinstance(job, RefusalReporter) else None
        self._topics = topics if self._reporter is not None else {}
        self._smallest = min((topic.limit for topic in self._topics.values()), default=None)

    def apply(self, record: Record, outputs: Sequence[Output]) -> Sequence[Output]:
        """Return the outputs of a record, with error events in place of those that their topic would refuse."""
        if self._smallest is None or all(len(each.value) + 2 * BATCH_OVERHEAD < self._smallest for each in outputs):
            return outputs
        return [self._replace(record, output) for output in outputs]

    def _replace(self, record: Record, output: Output) -> Output:
        topic, error = self._topics.get(output.role), self._topics.get(Role.ERROR)
        if self._reporter is None or topic is None or topic.accepts(output):
            return output
        replaced = (
            output
            if output.role is Role.ERROR
            else self._reporter.report_refusal(record, _describe(topic, output), by_size=True)
        )
        if error is None or error.accepts(replaced):
            return replaced
        return self._reporter.shorten(replaced, error.limit - BATCH_OVERHEAD)


def make_size_check(job: Job, endpoints: Endpoints) -> SizeCheck:
    """Return the check for the topics of a job. Blocks until their limits are read."""
    return SizeCheck(job, fetch_topic_limits({Role.SINK: endpoints.sink, Role.ERROR: endpoints.error}))


def fetch_topic_limits(ends: Mapping[Name, SinkEndpoint]) -> dict[Name, TopicLimit]:
    """Return the limits of the topics among named endpoints, without those that this client may not read. Blocks."""
    topics: dict[Name, TopicLimit] = {}
    for name, end in ends.items():
        if isinstance(end, KafkaSinkEndpoint):
            codec = reveal(end.properties.get("compression.type", PRODUCER_DEFAULTS["compression.type"]))
            if (limit := _fetch_limit(end)) is not None:
                topics[name] = TopicLimit(end.topic, limit, codec)
    return topics


def _fetch_limit(end: KafkaSinkEndpoint) -> int | None:
    """Return the limit; None if it is not readable.

    The client of this process is not that of Flink: it has no Kerberos, and does not know all properties of Java.
    """
    try:
        return fetch_size_limits([end.topic], end.build_producer_settings()).get(end.topic)
    except ConfigError as error:
        log.info("topic_limit_unknown", topic=end.topic, reason=str(error))
        return None


def _describe(topic: TopicLimit, output: Output) -> str:
    size = len(output.value) + len(output.key or b"")
    return (
        f"The topic {topic.name!r} would refuse the event of {size} bytes with its key: it accepts {topic.limit} bytes after "
        "compression. Raise max.message.bytes of the topic, or lower enrich.max_content_size."
    )
