"""Commands that inspect a store: they read the concept base from it, and name its content if it has no entities."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store
from tests.e2e.commands import run_wikistate
from tests.e2e.sync_run import URIS, endpoint_settings, munge_all, serve_endpoint
from tests.support.processes import find_free_port

from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.sparql.updates import build_requests
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.streaming.record import Partition
from wikistate.testing.faults import MuteServer
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BASE = "store.concept_base"
ORPHAN = Quad(NamedNode(f"{URIS.value}abc"), NamedNode("http://a.test/p"), Literal("unused"))
OTHER = Quad(NamedNode("http://a.test/s"), NamedNode("http://a.test/p"), Literal("x"))


def read_names(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def repository() -> Repository:
    """Entities of a Wikibase that is not Wikidata."""
    repository = Repository()
    EditSimulator(repository, seed=6, triples=30).create_initial(12)
    return repository


@asynccontextmanager
async def located(kind: str, content: list[Quad], folder: Path) -> AsyncIterator[tuple[str, ...]]:
    """Yield the arguments of a store with some content: a folder or an endpoint."""
    if kind == "folder":
        Store(folder / "store").extend(content)
        yield ("--store", "store")
        return
    store = Store()
    store.extend(content)
    async with serve_endpoint(store) as url:
        yield endpoint_settings(url)


@pytest.mark.parametrize("kind", ["folder", "endpoint"])
async def test_concept_base_is_read_from_the_store(kind: str, repository: Repository, tmp_path: Path) -> None:
    """Counts and sweep need no setting for a store of another Wikibase than Wikidata."""
    async with located(kind, [*munge_all(repository), ORPHAN], tmp_path) as store:
        counts = await run_wikistate("store", "counts", *store, folder=tmp_path)
        swept = await run_wikistate("store", "sweep", *store, folder=tmp_path)
    assert counts.status == 0, counts.err
    assert re.search(r"[0-9]+ +Item", counts.out.decode())
    assert swept.status == 0, swept.err
    assert "1 triples" in swept.out.decode()


@pytest.mark.parametrize("command", [("store", "counts"), ("store", "sweep"), ("lag",)])
async def test_contradicting_setting_names_both(
    command: tuple[str, ...], repository: Repository, tmp_path: Path
) -> None:
    """The message has the setting, the value and the concept base of the store."""
    async with located("endpoint", list(munge_all(repository)), tmp_path) as store:
        found = await run_wikistate(*command, *store, "--set", f"{BASE}=http://other.example", folder=tmp_path)
    assert found.status == 2
    assert BASE in found.err
    assert "http://other.example" in found.err
    assert URIS.root in found.err


@pytest.mark.parametrize("command", ["counts", "sweep"])
async def test_store_of_other_triples_is_an_error(command: str, tmp_path: Path) -> None:
    """The message says what the store holds instead."""
    async with located("folder", [OTHER], tmp_path) as store:
        found = await run_wikistate("store", command, *store, folder=tmp_path)
    assert found.status == 4
    assert "http://a.test/s" in found.err
    assert not found.out


async def test_entities_in_a_named_graph_are_found(repository: Repository, tmp_path: Path) -> None:
    """The message names the setting and its value."""
    graph = NamedNode("http://a.test/g")
    content = [Quad(quad.subject, quad.predicate, quad.object, graph) for quad in munge_all(repository)]
    async with located("folder", content, tmp_path) as store:
        found = await run_wikistate("store", "counts", *store, folder=tmp_path)
        right = await run_wikistate("store", "counts", *store, "--set", f"store.graph={graph.value}", folder=tmp_path)
    assert found.status == 4
    assert "store.graph" in found.err
    assert graph.value in found.err
    assert right.status == 0, right.err
    assert "Item" in right.out.decode()


@pytest.mark.parametrize("kind", ["folder", "endpoint"])
async def test_store_with_triples_in_another_graph_is_not_called_empty(kind: str, tmp_path: Path) -> None:
    """The message names the graph that has triples, for a named graph and for the default graph."""
    named, default = NamedNode("http://a.test/g"), OTHER
    async with located(kind, [Quad(OTHER.subject, OTHER.predicate, OTHER.object, named)], tmp_path) as store:
        found = await run_wikistate("store", "counts", *store, folder=tmp_path)
    assert found.status == 4
    assert f"triples in {named.value}" in found.err
    folder = tmp_path / "other"
    folder.mkdir()
    async with located(kind, [default], folder) as store:
        found = await run_wikistate("store", "counts", *store, "--set", f"store.graph={named.value}", folder=folder)
    assert found.status == 4
    assert "triples in the default graph" in found.err
    assert not found.out


@pytest.mark.parametrize("command", [("store", "counts"), ("store", "sweep"), ("store", "verify"), ("lag",)])
async def test_wrong_name_of_a_folder_is_an_error_and_creates_nothing(command: tuple[str, ...], tmp_path: Path) -> None:
    """Only a run creates a store."""
    async with FakeWikibase(Repository()) as wikibase:
        more = ("--wikibase", wikibase.url) if "verify" in command else ()
        found = await run_wikistate(*command, "--store", "stor", *more, folder=tmp_path)
    assert found.status == 2
    assert "There is no store in stor" in found.err
    assert read_names(tmp_path) == []


async def test_store_with_bookkeeping_alone_is_empty(tmp_path: Path) -> None:
    """A job has begun, and there was no entity yet."""
    store = Store()
    for update in build_requests(StorePatch(), {Partition("a"): StorePosition(1, 1)}, 1000, UpdateTarget(URIS)):
        store.update(update)
    async with located("folder", list(store), tmp_path) as location:
        found = await run_wikistate("store", "counts", *location, folder=tmp_path)
    assert (found.status, found.out.decode().strip()) == (0, "The store is empty."), found.err


@pytest.mark.parametrize("command", [("store", "counts"), ("store", "sweep"), ("lag", "--max", "60")])
async def test_dead_endpoint_ends_the_command(command: tuple[str, ...], tmp_path: Path) -> None:
    """The message names the address; jobs wait, and commands do not."""
    url = f"http://127.0.0.1:{find_free_port()}"
    found = await run_wikistate(*command, *endpoint_settings(url), folder=tmp_path)
    assert found.status == 4
    assert f"{url}/update does not answer" in found.err


@pytest.mark.parametrize("command", [("store", "counts"), ("store", "sweep"), ("lag", "--max", "60")])
async def test_mute_endpoint_ends_the_command(command: tuple[str, ...], tmp_path: Path) -> None:
    """An endpoint that accepts the connection and says nothing is asked once, for the time of the option."""
    async with MuteServer() as mute:
        url = f"http://{mute.address}/sparql"
        found = await run_wikistate(*command, "--store", url, "--timeout", "1", folder=tmp_path)
        assert mute.connections == 1
    assert found.status == 4
    assert f"The store at {url} does not answer" in found.err
    assert "--timeout" in found.err


@pytest.mark.parametrize("root", [URIS.root, "http://www.wikidata.org"])
async def test_lag_is_read_from_the_concept_base_of_the_store(
    root: str, repository: Repository, tmp_path: Path
) -> None:
    """The freshness of the wiki counts, also if another updater wrote it without a position."""
    moment = Literal("2001-01-01T00:00:00Z", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#dateTime"))
    freshness = Quad(NamedNode(root), NamedNode("http://schema.org/dateModified"), moment)
    content = [freshness, *(munge_all(repository) if root == URIS.root else ())]
    async with located("endpoint", content, tmp_path) as store:
        found = await run_wikistate("lag", "--max", "60", *store, folder=tmp_path)
    assert found.status == 6, found.err
    assert int(found.out) > 600_000_000
