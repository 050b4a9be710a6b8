"""A store that follows the public stream of mutations, from a server that drops, repeats and mumbles."""

from __future__ import annotations

import asyncio
import shutil
import signal
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.e2e.commands import Command, run_wikistate, start_command
from tests.e2e.enrichment_job import read_lines
from tests.e2e.mutation_stream import (
    MALFORMED,
    SITES,
    MutationBatch,
    append_mutations,
    encode_lines,
    generate_batches,
    read_graph,
    wait_until_fresh,
)
from tests.support.mutation_generator import STREAM
from tests.support.stores import AuthenticatedOxigraphServer

from wikistate.testing.sse import SseConditions, SseServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

JOB = ("run", "rdf-consumer", "--no-progress")
STORM = SseConditions(cut_after=97, repeat=5, heartbeat=3, line_ending=b"\r\n", chunk=4000, timestamps=True)
"""Every connection ends after 97 events, in the middle of the next; each begins with some that were there before;
comments come before, inside and behind events; bytes come in pieces; ids hold times that several events share."""
SEED = 20_260_102


@pytest.fixture
async def server() -> AsyncIterator[SseServer]:
    """The stream of two sites."""
    async with SseServer({STREAM: SITES}, STORM) as server:
        yield server


def words(server: SseServer, *more: str) -> tuple[str, ...]:
    """The command, from the beginning of the stream into a folder; batches are small, so that there are many."""
    source = f"eventstreams:{STREAM}?base={server.base}&since=1970-01-01T00:00:00Z"
    quick = ("--set", "store.batch_seconds=0.05", "--set", "store.batch_mutations=40")
    return (*JOB, "--source", source, "--store", "store", *quick, *more)


@asynccontextmanager
async def following(server: SseServer, folder: Path, *more: str) -> AsyncIterator[Command]:
    """The command in the background."""
    async with start_command(*words(server, *more), folder=folder) as command:
        yield command


async def follow(server: SseServer, folder: Path, stretch: MutationBatch, *more: str) -> None:
    """Run until the store holds all of a stretch, and end in good order."""
    async with following(server, folder, *more) as command:
        await wait_until_fresh(folder / "store", stretch.latest_event_time)
        finished = await command.stop()
    assert finished.status == 0, finished.err


async def test_a_store_in_a_storm_equals_one_that_was_loaded_from_scratch(server: SseServer, tmp_path: Path) -> None:
    """Deletes, shared nodes, merges, moved sitelinks, mutations of several messages; poison is on the error stream."""
    (stretch,) = generate_batches(1500)
    append_mutations(server, stretch.mutations, malformed=True)
    await follow(server, tmp_path, stretch)
    assert read_graph(tmp_path / "store") == stretch.graph
    (error,) = read_lines(tmp_path / "store.errors.ndjson")
    assert (error["error_type"], error["raw_event"].encode()) == ("NotJson", MALFORMED)
    assert len(server.connections) > 10
    resumed = [visit.last_event_id for visit in server.connections if visit.last_event_id]
    assert {tuple(place["topic"] for place in places) for places in resumed} == {(SITES[0],)}


async def test_it_goes_on_where_the_store_is_and_asks_for_nothing_before(server: SseServer, tmp_path: Path) -> None:
    """Stopped and started: the position is in the store alone, an offset of the one topic."""
    first, second = generate_batches(200, 200)
    append_mutations(server, first.mutations)
    await follow(server, tmp_path, first)
    assert read_graph(tmp_path / "store") == first.graph
    visited, sent = len(server.connections), sum(item.topic == SITES[0] for item in server.events)
    append_mutations(server, second.mutations)
    await follow(server, tmp_path, second)
    assert read_graph(tmp_path / "store") == second.graph
    assert server.connections[visited].last_event_id == [{"topic": SITES[0], "partition": 0, "offset": sent - 1}]


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_killed_again_and_again_it_ends_the_same(server: SseServer, tmp_path: Path, *, long_faults: bool) -> None:
    """At any moment, the start and the middle of an update included: nothing is lost, nothing is there twice."""
    kills, mutations = (30, 170) if long_faults else (5, 80)
    moments = Random(SEED)
    parts = generate_batches(*[mutations] * (kills + 1), seed=SEED)
    for part in parts[:-1]:
        append_mutations(server, part.mutations)
        async with following(server, tmp_path) as command:
            if moments.random() < 0.5:
                await wait_until_fresh(tmp_path / "store", moments.choice(part.mutations).time)
            else:
                await asyncio.sleep(moments.uniform(0.0, 2.0))
            command.send(signal.SIGKILL)
    append_mutations(server, parts[-1].mutations)
    await follow(server, tmp_path, parts[-1])
    assert read_graph(tmp_path / "store") == parts[-1].graph


async def test_a_store_that_was_restored_from_an_older_copy_catches_up(server: SseServer, tmp_path: Path) -> None:
    """The position went back with it; and the next stretch is applied upon what was made up for."""
    first, second, third = generate_batches(150, 150, 150)
    for stretch in (first, second):
        append_mutations(server, stretch.mutations)
        await follow(server, tmp_path, stretch)
        if stretch is first:
            shutil.copytree(tmp_path / "store", tmp_path / "copy")
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store.freshness").unlink()
    (tmp_path / "copy").rename(tmp_path / "store")
    append_mutations(server, third.mutations)
    await follow(server, tmp_path, third)
    assert read_graph(tmp_path / "store") == third.graph


async def test_without_a_position_it_must_be_told_where_to_begin(server: SseServer, tmp_path: Path) -> None:
    """To begin now would leave a hole that nobody sees."""
    source = f"eventstreams:{STREAM}?base={server.base}"
    finished = await run_wikistate(*JOB, "--source", source, "--store", "store", folder=tmp_path)
    assert finished.status == 2
    assert "so the start is unknown" in finished.err
    assert "since=" in finished.err


async def test_a_store_does_not_change_to_the_other_site(server: SseServer, tmp_path: Path) -> None:
    """The offsets of one topic say nothing of the other."""
    (stretch,) = generate_batches(50)
    append_mutations(server, stretch.mutations)
    await follow(server, tmp_path, stretch)
    finished = await run_wikistate(*words(server, "--set", f"store.topic={SITES[1]}"), folder=tmp_path)
    assert finished.status == 2
    assert f"was followed in {SITES[0]}" in finished.err


async def test_a_file_is_applied_to_its_end_and_its_torn_last_mutation_is_told(tmp_path: Path) -> None:
    """Entities that the filter does not name are left out; run again, nothing is applied twice."""
    (stretch,) = generate_batches(300)
    messages = encode_lines(stretch.mutations)
    torn = next(number for number, line in enumerate(messages) if orjson.loads(line)["sequence_length"] > 1)
    (tmp_path / "mutations.ndjson").write_bytes(b"\n".join([*messages, messages[torn]]) + b"\n")
    command = (*JOB, "--source", "file:mutations.ndjson", "--store", "store")
    for _ in range(2):
        finished = await run_wikistate(*command, folder=tmp_path)
        assert finished.status == 0, finished.err
    assert read_graph(tmp_path / "store") == stretch.graph
    assert [error["error_type"] for error in read_lines(tmp_path / "store.errors.ndjson")] == ["IncompleteMutation"]
    finished = await run_wikistate(*command[:-1], "lexemes", "--set", "store.entity_filter=^L", folder=tmp_path)
    assert finished.status == 0, finished.err
    kinds = {str(each.object) for each in read_graph(tmp_path / "lexemes") if str(each.predicate).endswith("type>")}
    assert "<http://wikiba.se/ontology#Lexeme>" in kinds
    assert "<http://wikiba.se/ontology#Item>" not in kinds


async def test_a_store_says_what_it_holds_and_is_swept(tmp_path: Path) -> None:
    """Orphans stay where looking for them is off, until somebody sweeps; then the store equals one loaded from scratch."""
    (stretch,) = generate_batches(200)
    (tmp_path / "mutations.ndjson").write_bytes(b"\n".join(encode_lines(stretch.mutations)) + b"\n")
    small = ("--set", "store.delete_orphans=false", "--set", "store.batch_mutations=5")
    job = await run_wikistate(*JOB, "--source", "file:mutations.ndjson", "--store", "store", *small, folder=tmp_path)
    assert job.status == 0, job.err
    left = read_graph(tmp_path / "store") - stretch.graph
    assert left
    swept = await run_wikistate("store", "sweep", "--store", "store", folder=tmp_path)
    assert (swept.status, swept.out.decode()) == (0, f"Swept: {len(left):,} triples that nothing used are gone.\n")
    assert read_graph(tmp_path / "store") == stretch.graph
    counts = await run_wikistate("store", "counts", "--store", "store", folder=tmp_path)
    revisions = (triple for triple in stretch.graph if str(triple.predicate).endswith("/version>"))
    names = {str(triple.subject).strip("<>").rpartition("/")[2] for triple in revisions}
    found = {kind: count for count, kind in map(str.split, counts.out.decode().splitlines())}
    wanted = {"Item": "Q", "Lexeme": "L"}
    assert {kind: int(found[kind]) for kind in wanted} == {
        kind: sum(name.startswith(letter) for name in names) for kind, letter in wanted.items()
    }


async def test_the_lag_of_a_store_is_told_while_a_job_has_it_open(server: SseServer, tmp_path: Path) -> None:
    """In seconds, with an exit code for a maxlag hook; a store that nothing was written into does not know."""
    finished = await run_wikistate("lag", "--store", "store", folder=tmp_path)
    assert finished.status == 4
    (stretch,) = generate_batches(20)
    append_mutations(server, stretch.mutations)
    async with following(server, tmp_path) as command:
        await wait_until_fresh(tmp_path / "store", stretch.latest_event_time)
        finished = await run_wikistate("lag", "--store", "store", "--max", "60", folder=tmp_path)
        await command.stop()
    assert finished.status == 6  # what the stream holds is years old
    assert int(finished.out) > 10_000_000


async def test_an_endpoint_that_wants_a_password_is_given_it_and_nobody_else_sees_it(tmp_path: Path) -> None:
    """From a file; a wrong one is told at once, and is in no output."""
    (stretch,) = generate_batches(30)
    (tmp_path / "mutations.ndjson").write_bytes(b"\n".join(encode_lines(stretch.mutations)) + b"\n")
    (tmp_path / "secret").write_text("open sesame\n")
    (tmp_path / "wrong").write_text("open barley\n")
    with AuthenticatedOxigraphServer(tmp_path / "server", "open sesame", data=tmp_path / "data") as server:
        told = ("--store", server.update_url, "--set", f"store.query_url={server.query_url}")
        known = ("--set", "store.authentication.user=ali", "--set", "store.authentication.password_file=")
        words = (*JOB, "--source", "file:mutations.ndjson", *told, *known[:-1])
        refused = await run_wikistate(*words, f"{known[-1]}wrong", folder=tmp_path)
        checked = await run_wikistate(*words, f"{known[-1]}secret", "--check", folder=tmp_path)
        finished = await run_wikistate(
            *words, f"{known[-1]}secret", "--set", "telemetry.log_level=debug", folder=tmp_path
        )
    assert (refused.status, checked.status, finished.status) == (4, 0, 0), (refused.err, checked.err, finished.err)
    assert "Everything answers" in checked.err
    assert read_graph(tmp_path / "data") == stretch.graph
    for each in (refused, checked, finished):
        assert "sesame" not in each.err
        assert "barley" not in each.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--source", "file:x.ndjson"), "store.location is missing"),
        (("--source", "file:x.ndjson", "--store", "s", "--set", "store.entity_filter=("), "no regular expression"),
        (("--source", "recentchanges:http://my.wiki/api.php", "--store", "s"), "no mutations of a graph"),
        (("--source", "file:x.ndjson", "--store", "s", "--runner", "flink"), "one writer"),
        (("--source", "kafka://localhost:9/a,b", "--store", "s"), "one topic of one stream"),
        (("--source", "file:x.ndjson", "--store", "s", "--set", "store.concept_base=Q"), "no concept base"),
        (
            ("--source", "file:x.ndjson", "--store", "http://s", "--set", "store.authentication.user=me"),
            "there is no password",
        ),
        (
            ("--source", "file:x.ndjson", "--store", "http://s", "--set", "store.authentication.token_env=NOT_SET"),
            "environment variable NOT_SET",
        ),
    ],
)
async def test_a_mistake_is_told_before_anything_is_read(more: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """One sentence, and no traceback."""
    finished = await run_wikistate(*JOB, *more, folder=tmp_path)
    assert finished.status == 2, finished.err
    assert message in finished.err
    assert "Traceback" not in finished.err
