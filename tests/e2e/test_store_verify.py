"""A store is compared with its wiki by the command: what is wrong is named, and put right on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store
from tests.e2e.commands import CommandResult, run_wikistate
from tests.e2e.sync_run import URIS, load_from_scratch, munge_all, read_folder, read_graph

from wikistate.core.sparql.updates import UpdateTarget, build_requests
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.ops.verify.verifier import SLACK_MS
from wikistate.streaming.record import Partition
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

LABEL = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")


def entity(name: str) -> NamedNode:
    """The IRI of an entity."""
    return NamedNode(f"http://wikibase.example/entity/{name}")


class Compared:
    """A wiki, and the folder ``store``, which holds what the wiki had when this began."""

    def __init__(self, wikibase: FakeWikibase, folder: Path) -> None:
        self.wikibase, self.repository, self.folder = wikibase, wikibase.repository, folder
        store = Store(folder / "store")
        store.extend(munge_all(self.repository))

    def spoil(self, change: Callable[[Store], object]) -> None:
        """Change the store behind everybody's back."""
        change(Store(self.folder / "store"))

    def claim(self, until: int) -> None:
        """Let the store say that it is complete up to a moment, milliseconds since the epoch."""
        (update,) = build_requests(
            StorePatch(), {Partition("changes"): StorePosition(1, until)}, None, UpdateTarget(URIS)
        )
        self.spoil(lambda store: store.update(update))

    async def verified(self, *words: str) -> CommandResult:
        """The command."""
        where = ("--store", "store", "--wikibase", self.wikibase.url)
        return await run_wikistate("store", "verify", *where, *words, folder=self.folder)

    def some(self, letter: str) -> list[str]:
        """Entities of a kind that the wiki has, redirects left out."""
        store = Store()
        store.extend(munge_all(self.repository))
        return sorted(name for name in self.repository.current_revisions if name[0] == letter and has(store, name))


def has(store: Store, name: str) -> bool:
    """Whether a store has an entity."""
    return any(store.quads_for_pattern(entity(name), None, None))


def forget(store: Store, name: str) -> None:
    """Take away what is said of an entity itself."""
    for quad in list(store.quads_for_pattern(entity(name), None, None)):
        store.remove(quad)


@pytest.fixture
async def compared(tmp_path: Path) -> AsyncIterator[Compared]:
    """A wiki with something of everything, and a store that is in step."""
    repository = Repository()
    editors = EditSimulator(repository, seed=8, triples=60)
    editors.create_initial(25)
    editors.simulate(40)
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        yield Compared(wikibase, tmp_path)


async def test_a_store_in_step_is_said_to_be(compared: Compared) -> None:
    """A sample as large as the wiki: each entity of every kind, redirects and deleted ones among them."""
    finished = await compared.verified("--sample", "500")
    assert finished.status == 0, finished.out.decode() + finished.err
    count, verdict = finished.out.decode().split(maxsplit=1)
    assert verdict.strip() == "in step"
    assert int(count) >= 25


async def test_what_is_wrong_is_named_and_put_right(compared: Compared) -> None:
    """A label that is another, an entity that is not there, one that the wiki deleted; then the store is as from scratch."""
    (wrong, absent), (gone, *_), (lexeme, *_) = (compared.some("Q")[:2], compared.some("P"), compared.some("L"))
    stray = Quad(entity(wrong), LABEL, Literal("nobody said that", language="en"))
    (lost, *_) = Store(compared.folder / "store").quads_for_pattern(entity(lexeme), None, None)
    compared.spoil(lambda store: store.add(stray))
    compared.spoil(lambda store: store.remove(lost))
    compared.spoil(lambda store: forget(store, absent))
    compared.repository.delete(gone)
    words = [word for name in (wrong, absent, gone, lexeme) for word in ("--entity", name)]
    finished = await compared.verified(*words)
    assert finished.status == 7, finished.err
    assert f"  + {stray.triple}" in finished.out.decode()
    assert f"  - {lost.triple}" in finished.out.decode()
    for name, verdict in (
        (wrong, "different"),
        (absent, "different"),
        (gone, "gone from the wiki"),
        (lexeme, "different"),
    ):
        assert any(line.startswith(name) and verdict in line for line in finished.out.decode().splitlines()), (
            finished.out.decode()
        )
    assert (await compared.verified(*words, "--repair")).status == 0
    assert (await compared.verified(*words)).status == 0
    assert read_folder(compared.folder) == load_from_scratch(compared.repository)


async def test_a_kind_that_is_missing_as_a_whole_is_seen(compared: Compared) -> None:
    """What the store does not have at all, only the wiki's side of the sample can tell."""

    def without_lexemes(store: Store) -> None:
        store.update(
            'DELETE { ?s ?p ?o } WHERE { ?s ?p ?o FILTER(STRSTARTS(STR(?s), "http://wikibase.example/entity/L") || '
            'STRSTARTS(STR(?s), "http://wikibase.example/entity/statement/L")) }'
        )

    compared.spoil(without_lexemes)
    finished = await compared.verified("--sample", "40")
    assert finished.status == 7, finished.out.decode()
    assert "missing" in finished.out.decode()
    assert "\nL" in f"\n{finished.out.decode()}"


async def test_what_is_on_its_way_is_no_difference(compared: Compared) -> None:
    """An entity that was edited since is compared at the revision that the store has."""
    name = compared.some("Q")[0]
    compared.repository.save(compared.repository.entity(name))
    finished = await compared.verified("--entity", name)
    assert (finished.status, finished.out.decode().split()) == (0, ["1", "behind"]), finished.err


@pytest.mark.parametrize("merged", [False, True], ids=["edited", "merged"])
async def test_what_should_have_come_by_now_is_left_behind(compared: Compared, *, merged: bool) -> None:
    """The store says that it is complete up to long after the change; a repair brings the newer revision."""
    name, other, *_ = compared.some("Q")
    if merged:
        compared.repository.redirect(name, other)
    else:
        compared.repository.save(compared.repository.entity(name))
    now = compared.repository.now()
    compared.claim(now + SLACK_MS - 60_000)
    assert (await compared.verified("--entity", name)).status == 0
    compared.claim(now + SLACK_MS + 60_000)
    finished = await compared.verified("--entity", name)
    assert finished.status == 7, finished.err
    current = compared.repository.current_revision(name)
    assert f"left behind: the wiki has revision {current}" in finished.out.decode()
    assert (await compared.verified("--entity", name, "--repair")).status == 0
    assert read_folder(compared.folder) == load_from_scratch(compared.repository)


@pytest.mark.parametrize("name", ["Q1-F1", "../Q1", "q1"])
async def test_an_id_that_is_none_is_refused(compared: Compared, name: str) -> None:
    """By what is wrong with it, and before anybody is asked."""
    finished = await compared.verified("--entity", name)
    assert finished.status == 3
    assert "Traceback" not in finished.err
    assert read_graph(Store(compared.folder / "store"))
