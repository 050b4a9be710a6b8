"""``wikistate store query``: a user queries the store, embedded or served, also while a job writes to it."""

from __future__ import annotations

import csv
import io
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store
from tests.e2e.commands import CommandResult, run_wikistate
from tests.e2e.sync_run import URIS, SyncRun, endpoint_settings, serve_endpoint
from tests.support.processes import find_free_port

from wikistate.testing.faults import MuteServer
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LABEL = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
VERSION = NamedNode("http://schema.org/version")
LABELS = "SELECT ?item ?label { ?item rdfs:label ?label ; wdt:P1 wd:Q2 } ORDER BY ?label"


def entity(name: str) -> NamedNode:
    """Return the IRI of an entity."""
    return NamedNode(f"{URIS.entity}{name}")


CONTENT = [
    Quad(entity("Q1"), VERSION, Literal(1)),
    Quad(entity("Q1"), LABEL, Literal("Berlin", language="en")),
    Quad(entity("Q1"), NamedNode(f"{URIS.prop}direct/P1"), entity("Q2")),
    Quad(entity("Q3"), VERSION, Literal(2)),
    Quad(entity("Q3"), LABEL, Literal('a, "b"\n\x1b[31mred', language="de")),
    Quad(entity("Q3"), NamedNode(f"{URIS.prop}direct/P1"), entity("Q2")),
]


@asynccontextmanager
async def located(kind: str, folder: Path) -> AsyncIterator[tuple[str, ...]]:
    """Yield the arguments of a store with the content: a folder or an endpoint."""
    if kind == "folder":
        Store(folder / "store").extend(CONTENT)
        yield ("--store", "store")
        return
    store = Store()
    store.extend(CONTENT)
    async with serve_endpoint(store) as url:
        yield endpoint_settings(url)


async def ask(folder: Path, *words: str) -> CommandResult:
    """Run the command."""
    found = await run_wikistate("store", "query", *words, folder=folder)
    assert "Traceback" not in found.err
    return found


@pytest.mark.parametrize("kind", ["folder", "endpoint"])
async def test_answer_in_each_format(kind: str, tmp_path: Path) -> None:
    """The prefixes of the wiki need no declaration, and the answers of both kinds of stores are the same."""
    async with located(kind, tmp_path) as store:
        table = await ask(tmp_path, LABELS, *store, "--format", "table")
        tsv = await ask(tmp_path, LABELS, *store)
        as_csv = await ask(tmp_path, LABELS, *store, "--format", "csv")
        as_json = await ask(tmp_path, LABELS, *store, "--format", "json")
        asked = await ask(tmp_path, "ASK { wd:Q1 wdt:P1 wd:Q2 }", *store)
        graph = await ask(tmp_path, "CONSTRUCT { ?s rdfs:label ?o } WHERE { ?s rdfs:label ?o ; wdt:P1 ?x }", *store)
    lines = table.out.decode().splitlines()
    assert lines[0].split() == ["item", "label"]
    assert lines[1].split() == ["wd:Q1", "Berlin"] or lines[2].split() == ["wd:Q1", "Berlin"]
    assert b"\x1b" not in table.out
    assert f'<{URIS.entity}Q1>\t"Berlin"@en' in tsv.out.decode().splitlines()
    rows = list(csv.reader(io.StringIO(as_csv.out.decode(), newline="")))
    assert ["item", "label"] in rows
    assert [f"{URIS.entity}Q3", 'a, "b"\n\x1b[31mred'] in rows
    document = json.loads(as_json.out)
    assert document["head"]["vars"] == ["item", "label"]
    assert {"type": "literal", "value": "Berlin", "xml:lang": "en"} in [
        row["label"] for row in document["results"]["bindings"]
    ]
    assert asked.out == b"true\n"
    assert f'<{URIS.entity}Q1> <{LABEL.value}> "Berlin"@en .' in graph.out.decode().splitlines()
    assert {each.status for each in (table, tsv, as_csv, as_json, asked, graph)} == {0}


async def test_query_from_a_file(tmp_path: Path) -> None:
    """A name that is not a file is neither a query."""
    (tmp_path / "labels.rq").write_text(f"# labels\n{LABELS}")
    async with located("folder", tmp_path) as store:
        found = await ask(tmp_path, "labels.rq", *store, "--format", "csv")
        absent = await ask(tmp_path, "label.rq", *store)
    assert (found.status, found.out.startswith(b"item,label")) == (0, True), found.err
    assert absent.status == 2
    assert "neither a query nor a file" in absent.err


@pytest.mark.parametrize("kind", ["folder", "endpoint"])
@pytest.mark.parametrize("text", ["SELEKT * { ?s ?p ?o }", "INSERT DATA { <urn:a> <urn:b> <urn:c> }", "SELECT * {"])
async def test_query_that_is_not_valid_is_named(kind: str, text: str, tmp_path: Path) -> None:
    """The message has the place; an update is not a valid query."""
    async with located(kind, tmp_path) as store:
        found = await ask(tmp_path, text, *store)
    assert found.status == 2, found.err
    assert "cannot parse the query" in found.err
    assert not found.out


async def test_embedded_store_asks_no_other_service(tmp_path: Path) -> None:
    """The text of a query causes no request of this process."""
    async with MuteServer() as mute, located("folder", tmp_path) as store:
        query = f"SELECT * {{ SERVICE <http://{mute.address}/sparql> {{ ?s ?p ?o }} }}"
        found = await ask(tmp_path, query, *store)
    assert found.status == 2
    assert "SERVICE" in found.err


async def test_larger_answer_is_cut_and_never_silently(tmp_path: Path) -> None:
    """A limit on request is a success with a note."""
    async with located("folder", tmp_path) as store:
        found = await ask(tmp_path, "SELECT ?s { ?s ?p ?o }", *store, "--limit", "2")
        graph = await ask(tmp_path, "CONSTRUCT WHERE { ?s ?p ?o }", *store, "--limit", "2")
    assert (found.status, len(found.out.splitlines())) == (0, 3)
    assert "more than 2 rows" in found.err
    assert (graph.status, len(graph.out.splitlines())) == (0, 2)
    assert "more than 2 triples" in graph.err


async def test_query_beyond_its_time_ends(tmp_path: Path) -> None:
    """A query of the embedded store cannot be interrupted; the command ends nevertheless."""
    Store(tmp_path / "store").extend(Quad(entity(f"Q{n}"), VERSION, Literal(n)) for n in range(1, 20_000))
    query = "SELECT (COUNT(*) AS ?n) { ?a ?p ?x . ?b ?q ?y . ?c ?r ?z FILTER(?x + ?y = ?z + 0.5) }"
    found = await ask(tmp_path, query, "--store", "store", "--timeout", "1")
    assert found.status == 4
    assert "no answer after 1 seconds" in found.err
    assert "--timeout" in found.err
    assert not list_snapshots(tmp_path)


async def test_endpoint_that_is_mute_or_dead_ends_the_query(tmp_path: Path) -> None:
    """There is one question, and the message names the address."""
    async with MuteServer() as mute:
        found = await ask(tmp_path, "ASK { ?s ?p ?o }", "--store", f"http://{mute.address}/sparql", "--timeout", "1")
    assert found.status == 4
    assert "does not answer" in found.err or "no answer after" in found.err
    url = f"http://127.0.0.1:{find_free_port()}/sparql"
    found = await ask(tmp_path, "ASK { ?s ?p ?o }", "--store", url)
    assert found.status == 4
    assert f"{url} does not answer" in found.err


async def test_store_of_a_running_job_is_queried(tmp_path: Path) -> None:
    """The job continues, and a later query sees a later edit."""
    repository = Repository()
    EditSimulator(repository, seed=6, triples=30).create_initial(12)
    async with FakeWikibase(repository) as wikibase:
        synced = SyncRun(wikibase, tmp_path)
        async with synced.start() as job:
            await synced.wait_until_fresh(job)
            query = "SELECT (COUNT(?s) AS ?entities) { ?s schema:version ?v }"
            found = await ask(tmp_path, query, "--store", "store", "--format", "csv")
            counts = await run_wikistate("store", "counts", "--store", "store", folder=tmp_path)
            sweep = await run_wikistate("store", "sweep", "--store", "store", folder=tmp_path)
            assert job.is_running
    assert found.status == 0, found.err
    assert int(found.out.splitlines()[1]) >= 12
    assert counts.status == 0, counts.err
    assert sweep.status == 2
    assert "kept in step by process" in sweep.err
    assert not list_snapshots(tmp_path)


async def test_store_of_a_running_job_is_verified(tmp_path: Path) -> None:
    """The snapshot is older than the newest edits, which are behind and not wrong; a repair would write, and is refused."""
    repository = Repository()
    editors = EditSimulator(repository, seed=8, triples=30)
    editors.create_initial(12)
    async with FakeWikibase(repository) as wikibase:
        synced, location = SyncRun(wikibase, tmp_path), ("--store", "store", "--wikibase", wikibase.url)
        async with synced.start() as job:
            await synced.wait_until_fresh(job)
            editors.simulate(10)
            found = await run_wikistate("store", "verify", *location, folder=tmp_path)
            repaired = await run_wikistate("store", "verify", *location, "--repair", folder=tmp_path)
            assert job.is_running
    assert found.status == 0, found.out.decode()
    assert "in step" in found.out.decode()
    assert repaired.status == 2
    assert "kept in step by process" in repaired.err


def list_snapshots(folder: Path) -> list[Path]:
    """Return the snapshots that a reader left."""
    return list((folder / "store").glob(".snapshot-*"))
