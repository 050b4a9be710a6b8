"""Runs an enrichment of one's own over some events: no Kafka, no configuration, a small wiki where one is needed.

::

    made = corpus.compose(changes=100)
    outputs = await run_enrichment(enrich, made.events, wiki=SmallWorld.of(made))
    assert outputs.errors == []
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from wikistate.config.layers import Layer
from wikistate.config.load import load
from wikistate.jobs.custom.function import check_function
from wikistate.jobs.custom.job import DEFAULTS
from wikistate.streaming.record import Partition, Record, Role
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.wiki import FakeWiki
from wikistate.wiring.enrichment import assemble_custom

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wikistate.core.events.meta import Event
    from wikistate.jobs.custom.function import Enrich
    from wikistate.streaming.job import Job
    from wikistate.streaming.record import Output
    from wikistate.testing.wiki import Dataset


class EnrichmentOutputs(NamedTuple):
    """What became of the events.

    Attributes:
        events: What goes to the sink, valid and stamped, in the order of the events that it was made of.
        errors: What goes to the error stream.
        skipped: How many events were dropped, by the reason; canaries and what the filters drop among them.
        counted: What the enrichment counted, by name.
    """

    events: list[Event]
    errors: list[Event]
    skipped: Mapping[str, int]
    counted: Mapping[str, float]


async def run_enrichment(
    enrich: Enrich,
    events: Iterable[Event],
    *,
    wiki: Dataset | None = None,
    settings: Mapping[str, Any] | None = None,
    configuration: Mapping[str, Any] | None = None,
) -> EnrichmentOutputs:
    """Run an enrichment as the job ``custom`` does, all events at the same time.

    Args:
        enrich: ``async def enrich(event, context)``.
        events: Of the source stream.
        wiki: What the wikis that it asks know; None when it asks none. Its first wiki may have any domain.
        settings: What ``context.settings`` holds.
        configuration: Further settings as in a configuration file, for streams and schemas of one's own.

    Raises:
        ConfigError: The function cannot be an enrichment, or a setting is wrong.
    """
    check_function(enrich, getattr(enrich, "__qualname__", repr(enrich)))
    async with AsyncExitStack() as stack:
        here = _wiki_layer(await stack.enter_async_context(FakeWiki(wiki))) if wiki else Layer()
        _add_run_settings(here, settings or {})
        layers = [Layer(values=dict(DEFAULTS)), Layer(values=dict(configuration or {})), here]
        meter = RecordingMeter()
        job = assemble_custom(load(layers).configuration, meter, enrich).job
        await job.open()
        stack.push_async_callback(job.close)
        outputs = await _run_all(job, events)
    return EnrichmentOutputs(
        [orjson.loads(output.value) for output in outputs if output.role is Role.SINK],
        [orjson.loads(output.value) for output in outputs if output.role is Role.ERROR],
        Counter({reason: int(number) for (reason,), number in meter.by_label(metrics.EVENTS_FILTERED).items()}),
        {name: number for (name,), number in meter.by_label(metrics.CUSTOM_COUNT).items()},
    )


def _wiki_layer(wiki: FakeWiki) -> Layer:
    """The settings that send all requests to one address; what has no domain of Wikimedia's is the first wiki."""
    api = f"{wiki.url}/w/api.php"
    first = next(iter(wiki.dataset.wikis))
    return Layer(values={"enrich": {"mediawiki_api_endpoint_template": api}, "wikis": {first: {"api": api}}})


def _add_run_settings(layer: Layer, settings: Mapping[str, Any]) -> None:
    """The settings of a run that reads and writes nothing but what it is given here."""
    layer.values["stream_manager"] = {"source": {"connector": "file", "options": {"path": "-"}}}
    if settings:
        layer.values["custom"] = {"settings": dict(settings)}


async def _run_all(job: Job, events: Iterable[Event]) -> list[Output]:
    loop = asyncio.get_running_loop()
    told: list[asyncio.Future[list[Output]]] = []
    for offset, event in enumerate(events):
        future: asyncio.Future[list[Output]] = loop.create_future()
        record = Record(orjson.dumps(event), None, None, Partition("events"), offset)
        job.execute(job.plan(record), future.set_result)
        told.append(future)
    return [output for outputs in await asyncio.gather(*told) for output in outputs]
