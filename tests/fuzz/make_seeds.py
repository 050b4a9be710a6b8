"""``python -m tests.fuzz.make_seeds``: write the seeds of all targets, from the stand-ins of `wikistate.testing`.

The files are part of the repository. Run it again after a change of a format, and read the difference.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
from pyoxigraph import RdfFormat, serialize
from tests.fuzz.cluster_seeds import write_clusters
from tests.fuzz.corpus import SEEDS
from tests.fuzz.mutators.compression import COMPRESSORS
from tests.fuzz.mutators.http_mutator import SEPARATOR
from tests.fuzz.record_conversations import make_item_repository, record_conversations
from tests.fuzz.seed_texts import NOW as _NOW
from tests.fuzz.seed_texts import PAGE, ROWS, write, write_lines, write_streams, write_texts
from tests.support.mutation_generator import MutationGenerator

from wikistate.adapters.connectors.checkpoint import Checkpoint, ResumePosition
from wikistate.adapters.connectors.recent_changes.position import ChangeWindow
from wikistate.adapters.connectors.recent_changes.settings import RecentChangesSettings
from wikistate.adapters.connectors.recent_changes.source import RecentChangesFeed
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.mediawiki.entity_pages import list_entities
from wikistate.adapters.mediawiki.page_info import PageInfoClient
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.mediawiki.wikibase_site import fetch_site
from wikistate.core.events.error_event import Emitter, build_error_event
from wikistate.core.updater.input_events import Origin, RevisionCreated
from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.messages import encode_mutation
from wikistate.core.updater.state import EntityState
from wikistate.demo import corpus
from wikistate.runners.local.state_file import CheckpointData, PartitionProgress, StateFile
from wikistate.streaming.keyed_job import KeyedState
from wikistate.streaming.record import Partition
from wikistate.testing.wiki import FakeWiki, MemoryDataset
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository, build_legacy_event, build_page_change

if TYPE_CHECKING:
    from collections.abc import Mapping

_START = 1_760_000_000
_PARTITION = Partition("eqiad.mediawiki.page_change.v1", 0)


def main() -> None:
    """Write all seeds."""
    shutil.rmtree(SEEDS, ignore_errors=True)
    _write_events()
    _write_mutations()
    _write_files()
    write_texts()
    write_streams()
    write_clusters()
    asyncio.run(_write_wiki())
    for target, data in asyncio.run(record_conversations()):
        write(target, "conversation", data)
        if target == "http-store":
            bodies = (answer.partition(b"\r\n\r\n")[2] for answer in data.split(SEPARATOR))
            for number, body in enumerate(sorted({body for body in bodies if body.startswith(b"{")})):
                write("store-rows", f"rows-{number}", body)
        if target == "http-discovery":
            missing = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<title>Not found</title>"
            page = (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE.replace("my.wiki", "HOST.invalid").encode()
            )
            write(target, "edit-uri", SEPARATOR.join((missing, missing, page, data)))
    write("store-rows", "terms", ROWS)


def make_repository() -> Repository:
    """Return a small repository with entities of each kind, and some edits."""
    moments = iter(range(_START, _START + 100_000))
    repository = Repository(clock=lambda: float(next(moments)))
    simulator = EditSimulator(repository, triples=20)
    simulator.create_initial(4)
    simulator.simulate(12)
    return repository


def _write_events() -> None:
    made = corpus.compose(changes=60)
    kinds = {event["page_change_kind"]: event for event in made.events if event["meta"]["domain"] != "canary"}
    canary = next((event for event in made.events if event["meta"]["domain"] == "canary"), None)
    write_lines("events", "kinds", [*kinds.values(), *([canary] if canary else [])])
    keyed = [orjson.dumps({"wiki_id": each["wiki_id"]}) + b"\t" + orjson.dumps(each) for each in kinds.values()]
    write("events", "keyed", b"\n".join(keyed))
    write("events", "lines-of-no-event", b'\n{}\n[]\n{"meta":{"domain":"canary"}}\nnull\n')
    write("file", "events", b"x.ndjson\n" + b"\n".join(map(orjson.dumps, kinds.values())))
    lines = b"\n".join(orjson.dumps({"a": number}) for number in range(50))
    for name, ending in (("gzip", "gz"), ("zstd", "zst"), ("bzip2", "bz2"), ("xz", "xz")):
        write("compressed-file", name, f"x.{ending}\n".encode() + COMPRESSORS[name](lines))
    repository = make_repository()
    changes = [build_page_change(change, repository.wiki) for change in repository.journal[:14]]
    legacy = [event for change in repository.journal[:14] if (event := build_legacy_event(change, repository.wiki))]
    for event in (*changes, *legacy):
        event["meta"]["domain"] = "www.wikidata.org"
    write_lines("input-events", "page-change", changes)
    write_lines("input-events", "legacy", legacy)
    reconcile = {
        "$schema": "/rdf_streaming_updater/reconcile/1.0.0",
        "meta": {
            "stream": "r",
            "domain": "www.wikidata.org",
            "dt": "2026-01-01T00:00:00Z",
            "id": "a",
            "request_id": "b",
        },
        "item": "Q1",
        "revision_id": 5,
        "reconciliation_source": "check",
        "reconciliation_action": "CREATION",
        "original_event_info": {"dt": "2026-01-01T00:00:00Z", "stream": "s", "$schema": "/a/1.0.0", "meta": {}},
    }
    write_lines("input-events", "reconcile", [reconcile])
    emitter = Emitter(emitter_id="job", stream="e.error", source_stream="s", source_schema_uri="/a/1.0.0")
    failed = [
        build_error_event(
            emitter,
            error_type="InvalidEvent",
            message="wrong",
            raw=orjson.dumps(event),
            event=event,
            now=_NOW,
            event_id="x",
            max_raw_bytes=limit,
        )
        for event, limit in zip(kinds.values(), (100_000, 500, 100_000, 10), strict=False)
    ]
    write_lines("replay", "errors", failed)


def _write_mutations() -> None:
    generator = MutationGenerator(Random(5), entities=3, statements=2)
    mutations = list(generator.generate(10))
    for version in MessageVersion:
        events = [
            event
            for mutation in mutations
            for event in encode_mutation(mutation, version, domain="www.wikidata.org", now=_NOW, soft_maximum=1_500)
        ]
        write_lines("mutations", version.name.lower(), events)


def _write_files() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        state = StateFile(folder / "state")
        state.open()
        buffered = RevisionCreated(
            "Q3", _NOW, 7, _NOW, Origin("/a/1.0.0", "2026-01-01T00:00:00Z", "i", "d", "s", "r"), 6
        )
        packed = EntityState()._replace(revision=7, buffer=(buffered,)).pack()
        states = {number: KeyedState(number) for number in range(20)} | {3: KeyedState(5, packed)}
        progress = {_PARTITION: PartitionProgress(5, _NOW)}
        state.commit(CheckpointData(states, {3: _NOW}, progress, _NOW))
        state.close()
        write("state-file", "state", (folder / "state").read_bytes())
        write("entity-state", "buffered", packed)
        window = ChangeWindow(1000, _NOW)
        window.add([("rev:1", _NOW), ("log:2", _NOW + 10)])
        write("change-window", "window", window.dump())
        checkpoint = Checkpoint(folder / "checkpoint", "source")
        checkpoint.open()
        checkpoint.commit({_PARTITION: ResumePosition(5, window.dump())})
        checkpoint.save_metadata({"inventory": '{"format":1}', "begun": "5"})
        checkpoint.close()
        write("checkpoint", "checkpoint", (folder / "checkpoint").read_bytes())
    write("offsets", "offsets", orjson.dumps({"/a/b.ndjson": 12, "/c": 0}))
    ledger = {
        "format": 1,
        "positions": {"reader": [["topic", 0, 5], ["topic", 1, 7]], "other": [["topic", 0, 1]]},
        "files": {"a.open": "dt=2026-01-01/hour=01/part-a.parquet", "b.open": "dt=2026-01-01/hour=02/part-b.parquet"},
    }
    write("ledger", "commit", orjson.dumps(ledger))
    write("freshness", "freshness", str(_NOW))
    write("revision-list", "list", "Q1,5\nQ2,7\nL1,9\nP31,12\nM5,3\n")


class _RecordingClient(QueryClient):
    """Client of a wiki that keeps the answers."""

    documents: list[Any]

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """See `QueryClient.query`."""
        document = await super().query(parameters, tries=tries)
        self.documents.append(document)
        return document


def _client(url: str) -> _RecordingClient:
    client = _RecordingClient(f"{url}/w/api.php", HttpSettings())
    client.documents = []
    return client


async def _write_wiki() -> None:
    repository = make_repository()
    async with FakeWikibase(repository) as wiki:
        client = _client(wiki.url)
        settings = RecentChangesSettings(
            api=f"{wiki.url}/w/api.php", since=Moment(_START * 1000), inventory_pages=100, interval=0.5
        )
        feed = RecentChangesFeed(settings, client)
        await feed.open({}, _Metadata())
        with suppress(TimeoutError):  # the feed waits for the next change, after the inventory
            async with asyncio.timeout(2):
                while True:
                    await feed.receive()
        await feed.close()
        write_lines("recent-changes", "edits", client.documents)
        client = _client(wiki.url)
        await client.open()
        site = await fetch_site(client, api=f"{wiki.url}/w/api.php")
        async for _ in list_entities(client, site):
            pass
        pages = PageInfoClient(client, site)
        await pages.current_revision("Q1")
        await pages.last_touched("Q1")
        await client.close()
        write_lines("site", "wikibase", client.documents)
    _write_rdf()
    await _write_revisions()


class _Metadata:
    async def load_metadata(self, _: object) -> dict[str, str]:
        """Return nothing."""
        return {}

    async def save_metadata(self, _: object) -> None:
        """Store nothing."""


def _write_rdf() -> None:
    repository = make_item_repository()
    triples = repository.document("Q1") or []
    turtle = serialize(triples, format=RdfFormat.TURTLE) or b""
    for target in ("turtle", "concept-base"):
        write(target, "item", turtle)
    write("n-triples", "item", serialize(triples, format=RdfFormat.N_TRIPLES) or b"")


async def _write_revisions() -> None:
    made = corpus.compose(changes=40)
    async with FakeWiki(MemoryDataset.from_corpus(made)) as wiki:
        client = _client(wiki.url)
        await client.open()
        known = [stored.revision.rev_id for stored in made.revisions()][:3]
        wanted = "|".join(map(str, known))
        common = {
            "rvslots": "*",
            "rvprop": "ids|timestamp|flags|size|sha1|slotsize|slotsha1|contentmodel|roles|content",
        }
        await client.query({"prop": "revisions|info", "revids": f"{wanted}|999999999", **common})
        await client.query({"prop": "info", "titles": "A|B", "redirects": "1"})
        await client.close()
        for number, document in enumerate(client.documents):
            write("revisions", f"answer-{number}", _renumber(orjson.dumps(document), known))


def _renumber(text: bytes, known: list[int]) -> bytes:
    for number, rev_id in enumerate(known, start=1):
        text = text.replace(b'"revid":%d' % rev_id, b'"revid":%d' % number)
    return text


if __name__ == "__main__":
    main()
