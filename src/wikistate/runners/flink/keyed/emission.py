"""The last step of a keyed job: the check of sizes and the failure alarm, before the sinks. Nothing of Flink is used.

All outputs of the job pass through one subtask, so its share of failures is that of the whole job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.core.events.error_event import shorten_error_event
from wikistate.runners.flink.size_check import BATCH_OVERHEAD
from wikistate.streaming.ports import OversizeError
from wikistate.streaming.record import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.runners.flink.error_share import ErrorShare
    from wikistate.runners.flink.keyed.steps import Publication
    from wikistate.runners.flink.size_check import TopicLimit
    from wikistate.streaming.record import Output
    from wikistate.wiring.endpoints import SinkEndpoint
    from wikistate.wiring.pipeline import KeyedPipeline


class Emission:
    """Outputs on their way to the sinks.

    Args:
        limits: The limits of topics, by the name of a stream or the role of an output. Other outputs are not checked.
        error_share: The failure alarm.
    """

    def __init__(self, limits: Mapping[str, TopicLimit], error_share: ErrorShare) -> None:
        self._limits = limits
        self._error_share = error_share
        self._smallest = min((each.limit for each in limits.values()), default=None)

    def apply(self, publication: Publication) -> list[tuple[str, Output]]:
        """Return the outputs of a publication, each with the name of its stream.

        Raises:
            OversizeError: A topic would refuse one of them. None is written: a part of a mutation would be of no use. The
                job fails and is restarted until the topic accepts the output.
        """
        found = [pair for change in publication.events for pair in change]
        found += [(output.role.value, output) for output in publication.outputs]
        checked = [(name, self._check(name, output)) for name, output in found]
        errors = sum(output.role is Role.ERROR for output in publication.outputs)
        self._error_share.count(int(publication.succeeded is True), errors + int(publication.succeeded is False))
        return checked

    def _check(self, name: str, output: Output) -> Output:
        limit = self._limits.get(name)
        if limit is None or len(output.value) + 2 * BATCH_OVERHEAD < (self._smallest or 0) or limit.accepts(output):
            return output
        if output.role is Role.ERROR:
            shorter = output._replace(value=shorten_error_event(output.value, limit.limit - 2 * BATCH_OVERHEAD))
            if limit.accepts(shorter):
                return shorter
        size = len(output.value) + len(output.key or b"")
        raise OversizeError(
            f"The topic {limit.name!r} would refuse an event of {size} bytes: it accepts {limit.limit} bytes after "
            "compression.",
            hint="Raise max.message.bytes of the topic; the job then continues.",
            topic=limit.name,
            size=size,
            limit=limit.limit,
        )


def name_sinks(pipeline: KeyedPipeline[Any, Any, Any]) -> dict[str, SinkEndpoint]:
    """Return the endpoints by the name of a stream or the role of an output, which differ: no stream is a role."""
    return {**pipeline.stream_outputs.streams, **{role.value: end for role, end in pipeline.outputs.items()}}
