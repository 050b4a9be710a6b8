"""Memory of the jobs that keep a store in step, over 200,000 changes each: resident size, sampled."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from tests.support.mutation_generator import MutationGenerator
from tests.support.processes import Process

from bench.figures import Figure, Target
from bench.memory import Memory, sample_process
from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.messages import encode_mutation
from wikistate.demo import events
from wikistate.demo.pages import Page, make_revision, make_slot
from wikistate.testing.wikibase import make_wikibase_wiki

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from bench.stage import Stage
    from wikistate.core.events.meta import Event

SEED = 20_260_105
DOMAIN, CONCEPT, ITEMS = "wikibase.example", "http://wikibase.example", 120
ENTITIES = 2_000
ITEM = (make_slot("{}", model="wikibase-item"),)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MOST_MIB = 1.15
"""Maximum ratio of the memory in the last quarter to the first: caches may fill, but nothing may grow without a limit."""

WITHIN = 900.0
"""Time limit of each job in seconds, also on a busy machine."""


@dataclass(frozen=True, slots=True)
class Endurance:
    """Samples of both jobs."""

    runs: dict[str, Memory]

    def figures(self) -> list[Figure]:
        """See `Result`."""
        return list(chain.from_iterable(map(_run_figures, self.runs, self.runs.values())))


def _run_figures(job: str, run: Memory) -> Iterator[Figure]:
    first, last = run.quarters
    yield Figure(f"{job}: changes, after its caches were full", run.events, "")
    yield Figure(f"{job}: speed", run.events / run.seconds, "changes/s")
    yield Figure(f"{job}: most resident memory", run.samples[-1].peak, "MiB")
    yield Figure(f"{job}: mean, first quarter", first, "MiB")
    yield Figure(f"{job}: mean, last quarter", last, "MiB")
    yield Figure(f"{job}: last quarter / first quarter", last / first, "", Target(at_most=MOST_MIB))


async def measure_endurance(stage: Stage) -> Endurance:
    """Run each job once."""
    return Endurance({"rdf-updater": await _updater(stage), "rdf-consumer": await _consumer(stage)})


async def _updater(stage: Stage) -> Memory:
    source = stage.folder / "entities.ndjson"
    _write(source, _changes(stage.sizes.endured_changes))
    async with _entities() as wiki:
        settings = {
            "rdf.hostname": DOMAIN,
            "rdf.entity_namespaces": [ITEMS],
            "rdf.entity_data": f"{wiki}/wiki/Special:EntityData/",
            "rdf.acceptable_lag": 0,
        }
        endpoints = ["--source", f"file:{source}", "--sink", f"file:{stage.folder / 'mutations.ndjson'}"]
        return await _run_and_watch(stage, "rdf-updater", [*endpoints, *_assigned(settings)])


async def _consumer(stage: Stage) -> Memory:
    source = stage.folder / "messages.ndjson"
    _write(source, _messages(stage.sizes.settling_changes + stage.sizes.endured_changes))
    endpoints = ["--source", f"file:{source}", "--store", str(stage.folder / "store")]
    arguments = [*endpoints, *_assigned({"store.concept_base": "http://www.wikidata.org"})]
    return await _run_and_watch(stage, "rdf-consumer", arguments, settling=stage.sizes.settling_changes)


async def _run_and_watch(stage: Stage, job: str, arguments: list[str], *, settling: int = 0) -> Memory:
    state = ["--state", str(stage.folder / "state")] if job == "rdf-updater" else []
    command = [sys.executable, "-m", "wikistate", "run", job, "--no-progress", *arguments, *state]
    samples = await sample_process(Process(command, log=stage.log(job)), within=WITHIN)
    # The block caches of the store have a fixed size, 160 MiB in total. Only the growth after they are full matters.
    share = settling / (settling + stage.sizes.endured_changes)
    seconds = samples[-1].seconds
    endured = tuple(sample for sample in samples if sample.seconds >= share * seconds)
    return Memory(stage.sizes.endured_changes, (1 - share) * seconds, 0.0, endured)


def _assigned(settings: dict[str, Any]) -> Iterator[str]:
    for key, value in settings.items():
        yield from ("--set", f"{key}={orjson.dumps(value).decode() if isinstance(value, list) else value}")


def _write(file: Path, lines: Iterable[Event]) -> None:
    with file.open("wb") as written:
        written.writelines(orjson.dumps(line) + b"\n" for line in lines)


def _messages(count: int) -> Iterator[Event]:
    mutations = MutationGenerator(Random(SEED), entities=ENTITIES).generate(count)
    messages = (
        message
        for mutation in mutations
        for message in encode_mutation(mutation, MessageVersion.V2, domain="www.wikidata.org", now=mutation.time)
    )
    return islice(messages, count)


def _changes(count: int) -> Iterator[Event]:
    """Yield edits of the entities in turn, each with the previous one as its parent, a tenth of a second apart."""
    wiki = make_wikibase_wiki(DOMAIN)
    for number in range(1, count + 1):
        moment = f"{BEGAN + timedelta(seconds=number / 10):%Y-%m-%dT%H:%M:%SZ}"
        page = Page(number % ENTITIES + 1, f"Item:Q{number % ENTITIES + 1}", namespace=ITEMS)
        parent = max(0, number - ENTITIES)
        saved = replace(make_revision(number, parent_id=parent), dt=moment, slots=ITEM)
        envelope = events.Envelope(wiki, dt=moment)
        yield (
            events.build_edit(page, saved, envelope=envelope)
            if parent
            else events.build_create(page, saved, envelope=envelope)
        )


@asynccontextmanager
async def _entities() -> AsyncIterator[str]:
    """Serve a wiki in this process that has every revision of every entity."""
    served = web.Application()
    served.router.add_get("/wiki/Special:EntityData/{name}", _entity)
    runner = web.AppRunner(served, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _entity(request: web.Request) -> web.Response:
    name, number = request.match_info["name"].removesuffix(".ttl"), request.query["revision"]
    statement = f"<{CONCEPT}/entity/statement/{name}-1>"
    text = f"""
<{CONCEPT}/wiki/Special:EntityData/{name}> <http://schema.org/about> <{CONCEPT}/entity/{name}> ;
  <http://schema.org/version> {number} ;
  <http://schema.org/dateModified> "2026-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
<{CONCEPT}/entity/{name}> <http://www.w3.org/2000/01/rdf-schema#label> "{name} as of {number}"@en ;
  <{CONCEPT}/prop/direct/P1> "{number}" ; <{CONCEPT}/prop/P1> {statement} .
{statement} <{CONCEPT}/prop/statement/P1> "{number}" ;
  <http://wikiba.se/ontology#rank> <http://wikiba.se/ontology#NormalRank> .
"""
    return web.Response(text=text, content_type="text/turtle")
