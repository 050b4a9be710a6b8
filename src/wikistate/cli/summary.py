"""Summary of a run: its numbers, which add up to the records that were read, and the places of its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.local_output import NamedPlace
from wikistate.secret import mask_url
from wikistate.streaming.record import Role
from wikistate.telemetry import metrics
from wikistate.wiring.pipeline import StatelessPipeline, StorePipeline, StreamOutputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.cli.run_counts import RunCounts
    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import RecordingMeter
    from wikistate.wiring.endpoints import SinkEndpoint
    from wikistate.wiring.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Places of the outputs of a run, for people.

    Attributes:
        output: The sink, or the store.
        errors: The sink of error events.
        side: The sink of side events; empty for none.
        note: Words about the errors, such as their cause.
    """

    output: str
    errors: str
    side: str = ""
    note: str = ""

    def describe(self, counts: RunCounts) -> str:
        """Return ``2,818 → enriched.ndjson; 182 failed → enriched.errors.ndjson``; empty without any output."""
        note = f" ({self.note})" if self.note else ""
        unit = " mutations" if counts.has_state else ""
        parts = (
            (counts.written, f"{unit} → {self.output}"),
            (counts.errors, f" failed → {self.errors}{note}"),
            (counts.side if self.side else 0, f" side events → {self.side}"),
        )
        return "; ".join(f"{count:,.0f}{text}" for count, text in parts if count)


def find_results(pipeline: Pipeline, configuration: Configuration) -> Results:
    """Return the places of the outputs of a pipeline."""
    store = mask_url(configuration.store.location)
    match pipeline:
        case StatelessPipeline(endpoints=endpoints):
            return Results(
                output=_name(endpoints.sink, "standard output"), errors=_name(endpoints.error, "standard error")
            )
        case StorePipeline(error=error):
            return Results(output=store, errors=_name(error, "standard error"))
        case _:
            named = {role: _name(sink, "standard error") for role, sink in pipeline.outputs.items()}
            errors = named.pop(Role.ERROR, "")
            outputs = pipeline.change_sink
            streams = outputs.streams.values() if isinstance(outputs, StreamOutputs) else ()
            output = ", ".join(dict.fromkeys(_name(sink, "standard output") for sink in streams))
            return Results(output=output or store, errors=errors, side=", ".join(dict.fromkeys(named.values())))


def _name(endpoint: SinkEndpoint, standard_stream: str) -> str:
    place = endpoint.place if isinstance(endpoint, NamedPlace) else ""
    return standard_stream if place in ("", "-") else place


def summarise(meter: RecordingMeter, counts: RunCounts, seconds: float) -> Iterator[tuple[str, str]]:
    """Yield the numbers of a run with their meaning.

    The records that were read are those written, dropped, failed and not processed; for a job with state those that led to
    an entity, dropped, failed and not processed.
    """
    yield _format(counts.read), "events read"
    if counts.has_state:
        yield _format(counts.about_entities), "events about entities"
    else:
        yield _format(counts.written), "events written"
    for reason, count in counts.dropped.items():
        yield _format(count), f"dropped: {reason}"
    yield _format(counts.errors), "error events"
    for (kind,), count in sorted(meter.by_label(metrics.EVENTS_ERRORS).items()):
        yield _format(count), f"  {kind}"
    if unfinished := counts.unfinished:
        yield _format(unfinished), "not processed; the next run reads them again"
    if counts.has_state:
        yield from _summarise_graph(meter, counts)
    elif failed := meter.total(metrics.ENTITY_FAILURES):
        yield from _summarise_failures(meter, failed)
    yield _format(meter.total(metrics.WIKI_REQUESTS)), "requests to wikis"
    for (cause,), count in sorted(meter.by_label(metrics.WIKI_RETRIES).items()):
        yield _format(count), f"  retries: {cause}"
    seconds = max(seconds, 1e-3)
    yield f"{seconds:,.1f}", f"seconds, {counts.done / seconds:,.0f} events/s"


def _summarise_graph(meter: RecordingMeter, counts: RunCounts) -> Iterator[tuple[str, str]]:
    """Yield the numbers of mutations, entities and triples."""
    yield _format(counts.written), "mutations"
    for (operation, entity_type), count in sorted(meter.by_label(metrics.STORE_MUTATIONS).items()):
        yield _format(count), f"  {operation}: {entity_type}"
    for (kind,), count in meter.by_label(metrics.STORE_TRIPLES).items():
        if count:
            yield _format(count), f"triples {kind}"
    if failed := meter.total(metrics.ENTITY_FAILURES):
        yield from _summarise_failures(meter, failed)
    if counts.side:
        yield _format(counts.side), "side events"
    if waiting := meter.total(metrics.KEYS_WITH_TIMERS):
        yield _format(waiting), "entities wait for earlier events; the state holds them"
    if behind := meter.total(metrics.STORE_LAG):
        yield f"{behind:,.1f}", "seconds behind the wiki, at the last write to the store"


def _summarise_failures(meter: RecordingMeter, failed: float) -> Iterator[tuple[str, str]]:
    yield _format(failed), "failures of entities"
    for (kind,), count in sorted(meter.by_label(metrics.ENTITY_FAILURES).items()):
        yield _format(count), f"  {kind}"


def _format(number: float) -> str:
    return f"{number:,.0f}"
