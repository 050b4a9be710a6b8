"""The three steps of a keyed job on Flink lead to the same graphs as one step that knows everything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.e2e.rdf_wiki import graphs_of
from tests.unit.jobs.rdf_updater.updater_bench import missing
from tests.unit.runners.flink.keyed.split_bench import SplitBench

from wikistate.core.updater.mutation import OperationName
from wikistate.streaming.keyed_job import KeyedState

if TYPE_CHECKING:
    from pyoxigraph import Triple

ENTITIES = ("Q1", "Q2", "Q129")
"""Two share a bucket."""

Action = tuple[str, str, int]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["save", "save", "save", "delete", "restore", "fail", "hide", "fire", "execute"]),
        st.sampled_from(ENTITIES),
        st.integers(1, 4),
    ),
    max_size=25,
)


async def test_edit_after_a_failed_one_replaces_the_whole_entity() -> None:
    """Both were decided before the first was executed, so the second one was a diff from a revision never published."""
    bench = SplitBench()
    bench.happen(bench.wiki.save())
    bench.fire()
    await bench.execute()
    bench.happen(bench.wiki.save())
    bench.happen(bench.wiki.save())
    bench.wiki.entities.answers[2] = missing("Q1", 2)
    await bench.execute()
    operations = [message["operation"] for message in bench.messages]
    assert operations == [OperationName.IMPORT, OperationName.RECONCILE]
    assert graphs_of(bench.messages) == {"Q1": bench.wiki.graph("Q1", 3)}
    assert [event["revision_id"] for event in bench.side] == [2]
    assert bench.state("Q1") == KeyedState(3)
    assert bench.succeeded == [True, False, True]


async def test_edit_after_a_repair_is_a_diff_again() -> None:
    """The failure is forgotten with the first operation that succeeds."""
    bench = SplitBench()
    bench.wiki.entities.answers[1] = missing("Q1", 1)
    for _ in range(3):
        bench.happen(bench.wiki.save())
        bench.fire()
        await bench.execute()
    operations = [message["operation"] for message in bench.messages]
    assert operations == [OperationName.RECONCILE, OperationName.DIFF]
    assert graphs_of(bench.messages) == {"Q1": bench.wiki.graph("Q1", 3)}


async def test_deletion_after_a_failed_edit_deletes() -> None:
    """A deletion needs no knowledge of the store."""
    bench = SplitBench()
    bench.happen(bench.wiki.save())
    bench.wiki.entities.answers[2] = missing("Q1", 2)
    bench.happen(bench.wiki.save())
    bench.happen(bench.wiki.repository.delete("Q1"))
    bench.fire()
    await bench.execute()
    assert graphs_of(bench.messages) == {}
    assert bench.messages[-1]["operation"] == OperationName.DELETE


@settings(deadline=None, max_examples=150)
@given(ACTIONS)
def test_any_history_ends_with_the_graphs_of_the_wiki(actions: list[Action]) -> None:
    """The next operation of an entity brings all that failed before."""
    asyncio.run(_play(actions))


async def _play(actions: list[Action]) -> None:
    bench = SplitBench()
    wiki = bench.wiki
    current: dict[str, int] = {}
    deleted: set[str] = set()
    for name, entity, number in actions:
        if name == "save" and entity not in deleted:
            change = wiki.save(entity, triples=12)
            current[entity] = change.revision.rev_id
            bench.happen(change)
        elif name == "delete" and entity in current and entity not in deleted:
            bench.happen(wiki.repository.delete(entity))
            deleted.add(entity)
        elif name == "restore" and entity in deleted:
            bench.happen(wiki.repository.restore(entity))
            deleted.discard(entity)
        elif name == "fail":
            wiki.entities.answers[max(current.values(), default=0) + number] = missing(entity, 0)
        elif name == "hide" and entity in current and entity not in deleted:
            wiki.entities.answers[current[entity]] = missing(entity, current[entity])
        elif name == "fire":
            bench.fire()
        elif name == "execute":
            await bench.execute(number)
    wiki.entities.answers.clear()
    for entity in sorted(current.keys() - deleted):
        change = wiki.save(entity, triples=12)
        current[entity] = change.revision.rev_id
        bench.happen(change)
    bench.fire()
    await bench.execute()
    wanted: dict[str, frozenset[Triple]] = {
        entity: wiki.graph(entity, revision) for entity, revision in current.items() if entity not in deleted
    }
    assert graphs_of(bench.messages) == wanted
