"""``wikistate store verify`` compares a store with its wiki: it names differences, and repairs them on request."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store
from tests.e2e.commands import CommandResult, run_wikistate
from tests.e2e.sync_run import (
    URIS,
    endpoint_settings,
    load_from_scratch,
    munge_all,
    read_folder,
    read_graph,
    serve_endpoint,
    wait_until,
)

from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.sparql.updates import build_requests
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.ops.verify.verifier import SLACK_MS
from wikistate.streaming.record import Partition
from wikistate.testing.faults import HttpStatus, Rule
from wikistate.testing.wikibase import EditSimulator, EntityGenerator, EntityKind, FakeWikibase, Item, Repository
from wikistate.testing.wikibase.entities import Statement
from wikistate.testing.wikibase.values import Coordinate, Moment, Quantity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from wikistate.testing.wikibase.values import Value

LABEL = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")


def entity_iri(name: str) -> NamedNode:
    """Return the IRI of an entity."""
    return NamedNode(f"http://wikibase.example/entity/{name}")


class ComparedStore:
    """A wiki, and the folder ``store`` with the content of the wiki at the start."""

    def __init__(self, wikibase: FakeWikibase, folder: Path) -> None:
        self.wikibase, self.repository, self.folder = wikibase, wikibase.repository, folder
        store = Store(folder / "store")
        store.extend(munge_all(self.repository))

    def corrupt(self, change: Callable[[Store], object]) -> None:
        """Change the store without the knowledge of the job."""
        change(Store(self.folder / "store"))

    def set_completed_until(self, until: int) -> None:
        """Record in the store that it is complete up to an event time, milliseconds since the epoch."""
        (update,) = build_requests(
            StorePatch(), {Partition("changes"): StorePosition(1, until)}, None, UpdateTarget(URIS)
        )
        self.corrupt(lambda store: store.update(update))

    async def verify(self, *words: str) -> CommandResult:
        """Run the command."""
        location = ("--store", "store", "--wikibase", self.wikibase.url)
        return await run_wikistate("store", "verify", *location, *words, folder=self.folder)

    def list_entities(self, letter: str) -> list[str]:
        """Return the existing entities of a kind, without redirects."""
        store = Store()
        store.extend(munge_all(self.repository))
        return sorted(
            name for name in self.repository.current_revisions if name[0] == letter and has_entity(store, name)
        )


def has_entity(store: Store, name: str) -> bool:
    """Return whether a store has an entity."""
    return any(store.quads_for_pattern(entity_iri(name), None, None))


def remove_whole_entity(store: Store, name: str) -> None:
    """Remove the triples of an entity, of its statements, and of what begins with its IRI."""
    starts = (
        f"<{entity_iri(name).value}>",
        f"<{entity_iri(name).value}-",
        f"<http://wikibase.example/entity/statement/{name}",
    )
    for quad in list(store):
        if str(quad.subject).startswith(starts):
            store.remove(quad)


def remove_entity(store: Store, name: str) -> None:
    """Remove the triples whose subject is the entity itself."""
    for quad in list(store.quads_for_pattern(entity_iri(name), None, None)):
        store.remove(quad)


@pytest.fixture
async def compared(tmp_path: Path) -> AsyncIterator[ComparedStore]:
    """Wiki with entities of all kinds, and a store that is in step."""
    repository = Repository()
    editors = EditSimulator(repository, seed=8, triples=60)
    editors.create_initial(25)
    editors.simulate(40)
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        yield ComparedStore(wikibase, tmp_path)


async def test_store_in_step_is_reported_as_such(compared: ComparedStore) -> None:
    """The sample is as large as the wiki: each entity of every kind, with redirects and deleted ones."""
    finished = await compared.verify("--sample", "500")
    assert finished.status == 0, finished.out.decode() + finished.err
    count, result = finished.out.decode().split(maxsplit=1)
    assert result.strip() == "in step"
    assert int(count) >= 25


@pytest.mark.parametrize(
    "value",
    [
        Moment("-0000-01-01T00:00:00Z"),
        Moment("-13798000000-00-00T00:00:00Z"),
        Moment("1999-12-31T24:00:00Z"),
        Quantity("-0"),
        Quantity("+100000000000000000000000000000000000000000"),
        Coordinate(1.5, -1e-400, precision=math.nan),
        Coordinate(1.5, 2.5, precision=math.inf),
    ],
)
async def test_value_that_is_unlike_itself_or_beyond_range_is_in_step(compared: ComparedStore, value: Value) -> None:
    """The store returns some of them in another form; another value in its place is a difference."""
    item = Item(id=compared.repository.next_id(EntityKind.ITEM), statements=(Statement("Q1$A", "P1", value),))
    compared.repository.save(item)
    quads = list(munge_all(compared.repository))
    compared.corrupt(lambda store: store.extend(quads))
    finished = await compared.verify("--entity", item.id)
    assert (finished.status, finished.out.decode().split()) == (0, ["1", "in", "step"]), finished.out.decode()
    own = [quad for quad in quads if quad.subject == entity_iri(item.id) and "/direct/" in str(quad.predicate)]
    for quad in own:
        compared.corrupt(partial(Store.remove, quad=quad))
    compared.corrupt(lambda store: store.add(Quad(own[0].subject, own[0].predicate, Literal(5))))
    finished = await compared.verify("--entity", item.id)
    assert finished.status == 7, finished.out.decode()


async def test_differences_are_named_and_repaired(compared: ComparedStore) -> None:
    """A wrong label, a missing entity and a deleted one are reported; then the store equals one loaded from scratch."""
    (wrong, absent), (deleted, *_), (lexeme, *_) = (
        compared.list_entities("Q")[:2],
        compared.list_entities("P"),
        compared.list_entities("L"),
    )
    additional = Quad(entity_iri(wrong), LABEL, Literal("nobody said that", language="en"))
    (lost, *_) = Store(compared.folder / "store").quads_for_pattern(entity_iri(lexeme), None, None)
    compared.corrupt(lambda store: store.add(additional))
    compared.corrupt(lambda store: store.remove(lost))
    compared.corrupt(lambda store: remove_entity(store, absent))
    compared.repository.delete(deleted)
    words = [word for name in (wrong, absent, deleted, lexeme) for word in ("--entity", name)]
    finished = await compared.verify(*words)
    assert finished.status == 7, finished.err
    assert f"  + {additional.triple}" in finished.out.decode()
    assert f"  - {lost.triple}" in finished.out.decode()
    for name, result in (
        (wrong, "different"),
        (absent, "different"),
        (deleted, "gone from the wiki"),
        (lexeme, "different"),
    ):
        assert any(line.startswith(name) and result in line for line in finished.out.decode().splitlines()), (
            finished.out.decode()
        )
    assert (await compared.verify(*words, "--repair")).status == 0
    assert (await compared.verify(*words)).status == 0
    assert read_folder(compared.folder) == load_from_scratch(compared.repository)


async def test_missing_kind_of_entity_is_found(compared: ComparedStore) -> None:
    """Only the wiki's part of the sample shows entities that the store lacks completely."""

    def remove_lexemes(store: Store) -> None:
        store.update(
            'DELETE { ?s ?p ?o } WHERE { ?s ?p ?o FILTER(STRSTARTS(STR(?s), "http://wikibase.example/entity/L") || '
            'STRSTARTS(STR(?s), "http://wikibase.example/entity/statement/L")) }'
        )

    compared.corrupt(remove_lexemes)
    finished = await compared.verify("--sample", "40")
    assert finished.status == 7, finished.out.decode()
    assert "missing" in finished.out.decode()
    assert "\nL" in f"\n{finished.out.decode()}"


@pytest.mark.parametrize("lost", [14, 180])
async def test_each_missing_entity_is_found(compared: ComparedStore, lost: int) -> None:
    """A sample as large as the wiki is all of it: of 14 missing entities of 246 each run finds 14."""
    author, repository = EntityGenerator(Random(5)), compared.repository
    before = len(repository.current_revisions)
    new = [repository.next_id(EntityKind.ITEM)]
    for _ in range(246 - before):
        repository.save(author.make_item(new[-1], triples=8), in_recent_changes=False)
        new.append(repository.next_id(EntityKind.ITEM))
    names = new[:lost]

    def load_all_but_some(store: Store) -> None:
        store.extend(munge_all(repository))
        for name in names:
            remove_entity(store, name)

    compared.corrupt(load_all_but_some)
    for count in ("1000", "246"):
        finished = await compared.verify("--sample", count)
        assert finished.status == 7, finished.err
        assert f"lacks {lost} of them" in finished.err
        assert "All 246 entities of the wiki" in finished.err
        reported = [line.split()[0] for line in finished.out.decode().splitlines() if line.startswith("Q")]
        assert sorted(reported) == sorted(names)


async def test_small_sample_finds_what_one_side_lacks(compared: ComparedStore) -> None:
    """The lists of both sides are compared, however few entities are compared triple by triple."""
    missing = compared.list_entities("L")[-1]
    extra = compared.list_entities("P")[-1]
    statements = f"http://wikibase.example/entity/statement/{missing}"
    compared.corrupt(
        lambda store: store.update(
            f"DELETE {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o FILTER(?s = {entity_iri(missing)} || "
            f'STRSTARTS(STR(?s), "{entity_iri(missing).value}-") || STRSTARTS(STR(?s), "{statements}")) }}'
        )
    )
    compared.repository.delete(extra)
    finished = await compared.verify("--sample", "2")
    assert finished.status == 7, finished.err
    lines = finished.out.decode().splitlines()
    assert any(line.startswith(f"{missing} ") and "missing" in line for line in lines)
    assert any(line.startswith(f"{extra} ") and "gone from the wiki" in line for line in lines)
    assert "drawn at random" in finished.err
    assert "lacks 1 of them and has 1 more" in finished.err


async def test_wiki_that_is_too_large_to_list_is_drawn_by_number(compared: ComparedStore) -> None:
    """All kinds are drawn, and what is compared is as much as was requested."""
    finished = await compared.verify("--sample", "12", "--list-limit", "5")
    assert finished.status == 0, finished.err
    assert "random numbers" in finished.err
    compared_entities = sum(int(line.split()[0]) for line in finished.out.decode().splitlines())
    assert compared_entities == 12 or f"{compared_entities} of 12 were compared" in finished.err


async def test_store_that_cannot_be_compared_is_a_failure(compared: ComparedStore) -> None:
    """A wiki that serves no RDF proves nothing, neither of one entity nor of all."""
    compared.wikibase.set_faults([Rule(HttpStatus(403), path="EntityData/Q")])
    finished = await compared.verify("--sample", "500")
    assert finished.status == 7, finished.out.decode()
    assert "could not be compared, so the store is not verified" in finished.err
    assert (await compared.verify("--sample", "500", "--max-unknown", "100")).status == 0


async def test_store_of_another_wiki_is_rejected(compared: ComparedStore) -> None:
    """All its entities would be missing; the message names both concept bases."""
    store = Store(compared.folder / "other")
    iri, version = NamedNode("http://other.example/entity/Q1"), NamedNode("http://schema.org/version")
    store.add(Quad(iri, version, Literal(1)))
    del store
    finished = await compared.verify("--store", "other")
    assert finished.status == 2, finished.out.decode()
    assert "http://other.example" in finished.err
    assert URIS.root in finished.err


async def test_change_that_never_arrives_is_left_behind(compared: ComparedStore) -> None:
    """Another process may write to an endpoint, so the entity is compared again, and then it is a failure."""
    name = compared.list_entities("Q")[0]
    compared.repository.save(compared.repository.entity(name))
    served = Store()
    served.extend(list(Store(compared.folder / "store")))
    async with serve_endpoint(served) as url:
        finished = await compared.verify("--entity", name, "--wait", "2", *endpoint_settings(url))
        assert finished.status == 7, finished.out.decode()
        assert "left behind" in finished.out.decode()
        repaired = await compared.verify("--entity", name, "--wait", "2", "--repair", *endpoint_settings(url))
        assert repaired.status == 0, repaired.err
    assert read_graph(served) == load_from_scratch(compared.repository)


async def test_change_that_arrives_meanwhile_is_in_step(compared: ComparedStore) -> None:
    """An entity that is behind at first is compared again."""
    name = compared.list_entities("Q")[0]
    revision = compared.repository.save(compared.repository.entity(name)).revision.rev_id
    served = Store()
    served.extend(list(Store(compared.folder / "store")))
    async with serve_endpoint(served) as url:
        running = asyncio.create_task(compared.verify("--entity", name, *endpoint_settings(url)))
        await wait_until(lambda: compared.wikibase.request_log.count_requests(revision) > 0)
        served.clear()
        served.extend(munge_all(compared.repository))
        finished = await running
    assert (finished.status, finished.out.decode().split()) == (0, ["1", "in", "step"]), finished.err


async def test_newer_edit_is_not_a_difference(compared: ComparedStore) -> None:
    """An entity that was edited since is compared at the revision of the store."""
    name = compared.list_entities("Q")[0]
    compared.repository.save(compared.repository.entity(name))
    finished = await compared.verify("--entity", name)
    assert (finished.status, finished.out.decode().split()) == (0, ["1", "behind"]), finished.err


async def test_changes_after_the_end_of_the_job_are_behind(compared: ComparedStore) -> None:
    """A living wiki creates, edits, restores and deletes entities while the job is stopped: the store is not wrong."""
    edited, deleted, *_ = compared.list_entities("Q")
    restored = compared.list_entities("L")[-1]  # no article links to it
    repository = compared.repository
    repository.delete(restored)
    names = {edited, deleted, restored}
    compared.corrupt(lambda store: remove_whole_entity(store, restored))
    await asyncio.sleep(2.0)  # the times of the wiki are whole seconds
    compared.set_completed_until(repository.now())
    repository.save(repository.entity(edited))
    repository.delete(deleted)
    repository.restore(restored)
    for _ in range(3):
        names.add(repository.next_id(EntityKind.ITEM))
        repository.save(EntityGenerator(Random(7)).make_item(repository.next_id(EntityKind.ITEM), triples=8))
    finished = await compared.verify("--sample", "500", "--wait", "0")
    assert finished.status == 0, finished.out.decode()
    assert "complete up to" in finished.err
    rows = [line.split(maxsplit=1) for line in finished.out.decode().splitlines()]
    counts = {result.strip(): int(number) for number, result in rows}
    assert counts["behind"] == len(names)
    assert set(counts) == {"behind", "in step"}


async def test_older_gaps_of_a_stopped_store_stay_errors(compared: ComparedStore) -> None:
    """Only what is newer than the stated time is behind: an entity that was lost, and a deletion that was missed, are not."""
    lost, deleted = compared.list_entities("L")[-1], compared.list_entities("Q")[0]
    compared.corrupt(lambda store: remove_whole_entity(store, lost))
    compared.repository.delete(deleted)
    compared.set_completed_until(compared.repository.now() + 60_000)
    finished = await compared.verify("--entity", lost, "--entity", deleted)
    assert finished.status == 7, finished.err
    assert f"{lost} " in finished.out.decode()
    assert "missing" in finished.out.decode()
    assert "gone from the wiki" in finished.out.decode()


@pytest.mark.parametrize("merged", [False, True], ids=["edited", "merged"])
async def test_overdue_change_is_left_behind(compared: ComparedStore, *, merged: bool) -> None:
    """The store records a completion time long after the change; a repair brings the newer revision."""
    name, other, *_ = compared.list_entities("Q")
    if merged:
        compared.repository.redirect(name, other)
    else:
        compared.repository.save(compared.repository.entity(name))
    now = compared.repository.now()
    compared.set_completed_until(now + SLACK_MS - 60_000)
    assert (await compared.verify("--entity", name)).status == 0
    compared.set_completed_until(now + SLACK_MS + 60_000)
    finished = await compared.verify("--entity", name)
    assert finished.status == 7, finished.err
    current = compared.repository.current_revision(name)
    assert f"left behind: the wiki has revision {current}" in finished.out.decode()
    assert (await compared.verify("--entity", name, "--repair")).status == 0
    assert read_folder(compared.folder) == load_from_scratch(compared.repository)


@pytest.mark.parametrize("name", ["Q1-F1", "../Q1", "q1"])
async def test_invalid_id_is_rejected(compared: ComparedStore, name: str) -> None:
    """The error states the defect, and comes before the first request."""
    finished = await compared.verify("--entity", name)
    assert finished.status == 3
    assert "Traceback" not in finished.err
    assert read_graph(Store(compared.folder / "store"))
