"""A store that follows the public stream of mutations, from a server that drops connections and repeats events."""

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
"""Each connection ends after 97 events, in the middle of the next; each begins with some earlier events;
comments come before, inside and behind events; bytes come in pieces; ids hold times that several events share."""
SEED = 20_260_102


@pytest.fixture
async def server() -> AsyncIterator[SseServer]:
    """Stream of two sites."""
    async with SseServer({STREAM: SITES}, STORM) as server:
        yield server


def words(server: SseServer, *more: str) -> tuple[str, ...]:
    """Return the command, from the beginning of the stream into a folder, with small and therefore many batches."""
    source = f"eventstreams:{STREAM}?base={server.base}&since=1970-01-01T00:00:00Z"
    quick = ("--set", "store.batch_seconds=0.05", "--set", "store.batch_mutations=40")
    return (*JOB, "--source", source, "--store", "store", *quick, *more)


@asynccontextmanager
async def start_job(server: SseServer, folder: Path, *more: str) -> AsyncIterator[Command]:
    """Start the command in the background."""
    async with start_command(*words(server, *more), folder=folder) as command:
        yield command


async def run_until_fresh(server: SseServer, folder: Path, batch: MutationBatch, *more: str) -> None:
    """Run until the store holds all of a batch, and stop."""
    async with start_job(server, folder, *more) as command:
        await wait_until_fresh(folder / "store", batch.latest_event_time)
        finished = await command.stop()
    assert finished.status == 0, finished.err


async def test_store_equals_one_loaded_from_scratch_despite_faults(server: SseServer, tmp_path: Path) -> None:
    """Deletes, shared nodes, merges, moved sitelinks, mutations of several messages; poison is on the error stream."""
    (batch,) = generate_batches(1500)
    append_mutations(server, batch.mutations, malformed=True)
    await run_until_fresh(server, tmp_path, batch)
    assert read_graph(tmp_path / "store") == batch.graph
    (error,) = read_lines(tmp_path / "store.errors.ndjson")
    assert (error["error_type"], error["raw_event"].encode()) == ("NotJson", MALFORMED)
    assert len(server.connections) > 10
    resumed = [connection.last_event_id for connection in server.connections if connection.last_event_id]
    assert {tuple(position["topic"] for position in positions) for positions in resumed} == {(SITES[0],)}


async def test_run_resumes_at_the_position_in_the_store(server: SseServer, tmp_path: Path) -> None:
    """After a stop and a start, the position is in the store alone, an offset of the one topic."""
    first, second = generate_batches(200, 200)
    append_mutations(server, first.mutations)
    await run_until_fresh(server, tmp_path, first)
    assert read_graph(tmp_path / "store") == first.graph
    connections_before, sent = len(server.connections), sum(item.topic == SITES[0] for item in server.events)
    append_mutations(server, second.mutations)
    await run_until_fresh(server, tmp_path, second)
    assert read_graph(tmp_path / "store") == second.graph
    assert server.connections[connections_before].last_event_id == [
        {"topic": SITES[0], "partition": 0, "offset": sent - 1}
    ]


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_store_is_right_after_repeated_kills(server: SseServer, tmp_path: Path, *, long_faults: bool) -> None:
    """The kills also hit the start and the middle of an update: no mutation is lost or applied twice."""
    kills, mutations = (30, 170) if long_faults else (5, 80)
    random = Random(SEED)
    parts = generate_batches(*[mutations] * (kills + 1), seed=SEED)
    for part in parts[:-1]:
        append_mutations(server, part.mutations)
        async with start_job(server, tmp_path) as command:
            if random.random() < 0.5:
                await wait_until_fresh(tmp_path / "store", random.choice(part.mutations).time)
            else:
                await asyncio.sleep(random.uniform(0.0, 2.0))
            command.send(signal.SIGKILL)
    append_mutations(server, parts[-1].mutations)
    await run_until_fresh(server, tmp_path, parts[-1])
    assert read_graph(tmp_path / "store") == parts[-1].graph


async def test_store_restored_from_an_older_copy_catches_up(server: SseServer, tmp_path: Path) -> None:
    """The copy has an older position, and the next batch is applied after the missed ones."""
    first, second, third = generate_batches(150, 150, 150)
    for batch in (first, second):
        append_mutations(server, batch.mutations)
        await run_until_fresh(server, tmp_path, batch)
        if batch is first:
            shutil.copytree(tmp_path / "store", tmp_path / "copy")
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store.freshness").unlink()
    (tmp_path / "copy").rename(tmp_path / "store")
    append_mutations(server, third.mutations)
    await run_until_fresh(server, tmp_path, third)
    assert read_graph(tmp_path / "store") == third.graph


async def test_missing_position_is_an_error_without_a_start_time(server: SseServer, tmp_path: Path) -> None:
    """A start at the current time would leave an invisible gap."""
    source = f"eventstreams:{STREAM}?base={server.base}"
    finished = await run_wikistate(*JOB, "--source", source, "--store", "store", folder=tmp_path)
    assert finished.status == 2
    assert "so the start is unknown" in finished.err
    assert "since=" in finished.err


async def test_a_store_does_not_change_to_the_other_site(server: SseServer, tmp_path: Path) -> None:
    """The offsets of one topic are not valid in the other."""
    (batch,) = generate_batches(50)
    append_mutations(server, batch.mutations)
    await run_until_fresh(server, tmp_path, batch)
    finished = await run_wikistate(*words(server, "--set", f"store.topic={SITES[1]}"), folder=tmp_path)
    assert finished.status == 2
    assert f"was followed in {SITES[0]}" in finished.err


async def test_file_is_applied_to_its_end_and_an_incomplete_mutation_is_an_error(tmp_path: Path) -> None:
    """The entity filter drops other entities; a second run applies nothing twice."""
    (batch,) = generate_batches(300)
    messages = encode_lines(batch.mutations)
    torn = next(number for number, line in enumerate(messages) if orjson.loads(line)["sequence_length"] > 1)
    (tmp_path / "mutations.ndjson").write_bytes(b"\n".join([*messages, messages[torn]]) + b"\n")
    command = (*JOB, "--source", "file:mutations.ndjson", "--store", "store")
    for _ in range(2):
        finished = await run_wikistate(*command, folder=tmp_path)
        assert finished.status == 0, finished.err
    assert read_graph(tmp_path / "store") == batch.graph
    assert [error["error_type"] for error in read_lines(tmp_path / "store.errors.ndjson")] == ["IncompleteMutation"]
    finished = await run_wikistate(*command[:-1], "lexemes", "--set", "store.entity_filter=^L", folder=tmp_path)
    assert finished.status == 0, finished.err
    kinds = {str(each.object) for each in read_graph(tmp_path / "lexemes") if str(each.predicate).endswith("type>")}
    assert "<http://wikiba.se/ontology#Lexeme>" in kinds
    assert "<http://wikiba.se/ontology#Item>" not in kinds


async def test_store_counts_its_entities_and_sweep_deletes_orphans(tmp_path: Path) -> None:
    """Orphans remain while their deletion is off; after a sweep the store equals one loaded from scratch."""
    (batch,) = generate_batches(200)
    (tmp_path / "mutations.ndjson").write_bytes(b"\n".join(encode_lines(batch.mutations)) + b"\n")
    small = ("--set", "store.delete_orphans=false", "--set", "store.batch_mutations=5")
    job = await run_wikistate(*JOB, "--source", "file:mutations.ndjson", "--store", "store", *small, folder=tmp_path)
    assert job.status == 0, job.err
    left = read_graph(tmp_path / "store") - batch.graph
    assert left
    swept = await run_wikistate("store", "sweep", "--store", "store", folder=tmp_path)
    assert (swept.status, swept.out.decode()) == (0, f"Orphans deleted: {len(left):,} triples.\n")
    assert read_graph(tmp_path / "store") == batch.graph
    counts = await run_wikistate("store", "counts", "--store", "store", folder=tmp_path)
    revisions = (triple for triple in batch.graph if str(triple.predicate).endswith("/version>"))
    names = {str(triple.subject).strip("<>").rpartition("/")[2] for triple in revisions}
    found = {kind: count for count, kind in map(str.split, counts.out.decode().splitlines())}
    wanted = {"Item": "Q", "Lexeme": "L"}
    assert {kind: int(found[kind]) for kind in wanted} == {
        kind: sum(name.startswith(letter) for name in names) for kind, letter in wanted.items()
    }


async def test_lag_of_a_store_is_available_while_a_job_has_it_open(server: SseServer, tmp_path: Path) -> None:
    """The lag is in seconds, with an exit code for a maxlag hook; a folder without a store is an error, and is not created."""
    finished = await run_wikistate("lag", "--store", "store", folder=tmp_path)
    assert finished.status == 2
    assert not (tmp_path / "store").exists()
    (batch,) = generate_batches(20)
    append_mutations(server, batch.mutations)
    async with start_job(server, tmp_path) as command:
        await wait_until_fresh(tmp_path / "store", batch.latest_event_time)
        finished = await run_wikistate("lag", "--store", "store", "--max", "60", folder=tmp_path)
        await command.stop()
    assert finished.status == 6  # the events of the stream are years old
    assert int(finished.out) > 10_000_000


async def test_password_reaches_the_endpoint_and_no_output(tmp_path: Path) -> None:
    """The password comes from a file; a wrong one is an error at once, and neither is in an output."""
    (batch,) = generate_batches(30)
    (tmp_path / "mutations.ndjson").write_bytes(b"\n".join(encode_lines(batch.mutations)) + b"\n")
    (tmp_path / "secret").write_text("open sesame\n")
    (tmp_path / "wrong").write_text("open barley\n")
    with AuthenticatedOxigraphServer(tmp_path / "server", "open sesame", data=tmp_path / "data") as server:
        location = ("--store", server.update_url, "--set", f"store.query_url={server.query_url}")
        credentials = ("--set", "store.authentication.user=ali", "--set", "store.authentication.password_file=")
        words = (*JOB, "--source", "file:mutations.ndjson", *location, *credentials[:-1])
        rejected = await run_wikistate(*words, f"{credentials[-1]}wrong", folder=tmp_path)
        checked = await run_wikistate(*words, f"{credentials[-1]}secret", "--check", folder=tmp_path)
        finished = await run_wikistate(
            *words, f"{credentials[-1]}secret", "--set", "telemetry.log_level=debug", folder=tmp_path
        )
    assert (rejected.status, checked.status, finished.status) == (4, 0, 0), (rejected.err, checked.err, finished.err)
    assert "all connections work" in checked.err
    assert read_graph(tmp_path / "data") == batch.graph
    for each in (rejected, checked, finished):
        assert "sesame" not in each.err
        assert "barley" not in each.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--source", "file:x.ndjson"), "store.location is missing"),
        (
            ("--source", "file:x.ndjson", "--store", "s", "--set", "store.entity_filter=("),
            "not a valid regular expression",
        ),
        (("--source", "recentchanges:http://my.wiki/api.php", "--store", "s"), "recent changes are not mutations"),
        (("--source", "file:x.ndjson", "--store", "s", "--runner", "flink"), "only writer"),
        (("--source", "kafka://localhost:9/a,b", "--store", "s"), "one topic of one stream"),
        (("--source", "file:x.ndjson", "--store", "s", "--set", "store.concept_base=Q"), "is not a concept base"),
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
async def test_configuration_error_is_reported_before_anything_is_read(
    more: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    """The error is a message without a traceback."""
    finished = await run_wikistate(*JOB, *more, folder=tmp_path)
    assert finished.status == 2, finished.err
    assert message in finished.err
    assert "Traceback" not in finished.err
