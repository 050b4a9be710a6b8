"""rdf-updater with a local Wikibase: changes a second, compared with a bare loop that fetches the same documents."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from pyoxigraph import RdfFormat, parse

from bench.figures import Figure, Target
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.runners.local.launch import build_runner
from wikistate.runners.process_tuning import gc_tuned
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.wikibase import WikibaseProcess
from wikistate.wiring.rdf_updater import assemble_rdf_updater

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.stage import Stage

    Event = dict[str, Any]

CONCURRENCY = 10
DOMAIN = "wikibase.example"


@dataclass(frozen=True, slots=True)
class Updater:
    """Number of changes and documents, and the seconds of both ways."""

    changes: int
    fetches: int
    bare: float
    updater: float

    def figures(self) -> list[Figure]:
        """See `Result`."""
        return [
            Figure("changes", self.changes, ""),
            Figure("documents fetched", self.fetches, ""),
            Figure("rdf-updater", self.changes / self.updater, "changes/s"),
            Figure("rdf-updater", self.fetches / self.updater, "documents/s"),
            Figure("bare loop that fetches and parses", self.fetches / self.bare, "documents/s"),
            Figure("ratio", self.bare / self.updater, "", Target(at_least=0.4)),
        ]


async def measure_updater(stage: Stage) -> Updater:
    """Fetch the same documents in both ways, after a first run that warms the wiki."""
    async with WikibaseProcess("--entities", "100", "--triples", "100") as wikibase:
        await wikibase.edit(stage.sizes.updater_changes)
        journal = await wikibase.journal()
        source = stage.folder / "entities.ndjson"
        source.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in journal))
        folders = [stage.folder / name for name in ("warm", "measured")]
        for folder in folders:
            folder.mkdir()
        warm, measured = folders
        await _update(wikibase.url, source, warm)
        updater, fetches = await _update(wikibase.url, source, measured)
        bare = await _fetch(wikibase.url, journal, fetches)
    return Updater(len(journal), fetches, bare, updater)


async def _update(wiki: str, source: Path, folder: Path) -> tuple[float, int]:
    """Run rdf-updater; return the seconds from the first record to the last mutation, and the number of documents."""
    assignments = (
        f"rdf.hostname={DOMAIN}",
        "rdf.entity_namespaces=[120,122,146]",
        "rdf.mediainfo_namespaces=[6]",
        f"rdf.entity_data={wiki}/wiki/Special:EntityData/",
        "rdf.acceptable_lag=0",
        f"rdf.concurrency={CONCURRENCY}",
    )
    flags = CliSettings(
        source=f"file:{source}", sink=f"file:{folder / 'out.ndjson'}", state=str(folder), assignments=assignments
    )
    configuration = load_configuration("rdf-updater", flags).configuration
    meter = RecordingMeter()
    runner = build_runner(lambda: assemble_rdf_updater(configuration, meter), configuration.local, meter)
    began = time.perf_counter()
    with gc_tuned():
        await runner.run()
    return time.perf_counter() - began, int(meter.total(metrics.WIKI_REQUESTS))


async def _fetch(wiki: str, journal: Sequence[Event], count: int) -> float:
    """Fetch and parse so many documents without further work, and return the seconds."""
    urls = [url for event in journal if (url := _url(wiki, event))]
    todo = iter([urls[number % len(urls)] for number in range(count)])

    async def work(session: aiohttp.ClientSession) -> None:
        for url in todo:
            async with session.get(url) as answer:
                body = await answer.read()
            if answer.status == 200:
                sum(1 for _ in parse(body, format=RdfFormat.TURTLE, base_iri=url))

    async with aiohttp.ClientSession() as session:
        began = time.perf_counter()
        await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))
        return time.perf_counter() - began


def _url(wiki: str, event: Event) -> str:
    if event["page_change_kind"] not in ("create", "edit"):
        return ""
    page, revision = event["page"], event["revision"]["rev_id"]
    entity = f"M{page['page_id']}" if page["namespace_id"] == 6 else page["page_title"].rpartition(":")[2]
    return f"{wiki}/wiki/Special:EntityData/{entity}.ttl?flavor=dump&revision={revision}"
