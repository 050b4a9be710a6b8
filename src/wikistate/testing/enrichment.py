"""Run of a custom enrichment over some events, without Kafka and without a configuration file.

A fake wiki answers its requests.

::

    made = corpus.compose(changes=100)
    outputs = await run_enrichment(enrich, made.events, wiki=MemoryDataset.from_corpus(made))
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
    """Outputs of the enrichment, with its counts.

    Attributes:
        events: Events for the sink, valid and stamped, in the order of the input events.
        errors: Error events.
        skipped: Number of dropped events by reason, including canary events and the events that the filters drop.
        counted: Counters of the enrichment by name.
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
    """Run an enrichment as the job ``custom`` does, with all events at the same time.

    Args:
        enrich: ``async def enrich(event, context)``.
        events: Events of the source stream.
        wiki: Data of the wikis that the enrichment queries; None if it queries no wiki. Its first wiki may have any domain.
        settings: Values for ``context.settings``.
        configuration: Further settings as in a configuration file, for custom streams and schemas.

    Raises:
        ConfigError: The function is not a valid enrichment, or a setting is wrong.
    """
    check_function(enrich, getattr(enrich, "__qualname__", repr(enrich)))
    async with AsyncExitStack() as stack:
        run_layer = _wiki_layer(await stack.enter_async_context(FakeWiki(wiki))) if wiki else Layer()
        _add_run_settings(run_layer, settings or {})
        layers = [Layer(values=dict(DEFAULTS)), Layer(values=dict(configuration or {})), run_layer]
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
    """Return the settings that send all requests to one address; a domain outside Wikimedia is the first wiki."""
    api = f"{wiki.url}/w/api.php"
    first = next(iter(wiki.dataset.wikis))
    return Layer(values={"enrich": {"mediawiki_api_endpoint_template": api}, "wikis": {first: {"api": api}}})


def _add_run_settings(layer: Layer, settings: Mapping[str, Any]) -> None:
    """Add the settings of a run that reads the given events only."""
    layer.values["stream_manager"] = {"source": {"connector": "file", "options": {"path": "-"}}}
    if settings:
        layer.values["custom"] = {"settings": dict(settings)}


async def _run_all(job: Job, events: Iterable[Event]) -> list[Output]:
    loop = asyncio.get_running_loop()
    results: list[asyncio.Future[list[Output]]] = []
    for offset, event in enumerate(events):
        future: asyncio.Future[list[Output]] = loop.create_future()
        record = Record(orjson.dumps(event), None, None, Partition("events"), offset)
        job.execute(job.plan(record), future.set_result)
        results.append(future)
    return [output for outputs in await asyncio.gather(*results) for output in outputs]
