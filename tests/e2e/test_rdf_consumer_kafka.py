"""Mutations over real Kafka into stores: killed, stopped, restored from a backup, and started again."""

from __future__ import annotations

import asyncio
import shutil
import signal
import urllib.request
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from confluent_kafka.admin import AdminClient
from pyoxigraph import DefaultGraph, Quad, Store
from tests.e2e.commands import TIMEOUT, Command, CommandResult, run_wikistate, start_command
from tests.e2e.kafka_topics import list_topics, produce, wait_for_commits
from tests.e2e.mutation_stream import encode_lines, generate_batches, read_graph, wait_until_fresh
from tests.support.processes import find_free_port
from tests.support.stores import OxigraphServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.support.broker import KafkaBroker

JOB = ("run", "rdf-consumer", "--no-progress", "--set", "store.batch_seconds=0.05", "--set", "store.batch_mutations=50")
SEED = 20_260_103


def source_option(kafka: KafkaBroker, topic: str, **options: str) -> tuple[str, ...]:
    """Return the option that names a topic, with a separate consumer group: other tests use the job's, too."""
    query = "&".join(f"{name}={value}" for name, value in {"group": topic, **options}.items())
    return ("--source", f"kafka://{kafka.bootstrap_servers}/{topic}?{query}")


async def run_to_end(kafka: KafkaBroker, topic: str, folder: Path, *more: str) -> CommandResult:
    """Apply all current mutations of the topic."""
    finished = await run_wikistate(
        *JOB, *source_option(kafka, topic, end="latest"), "--store", "store", *more, folder=folder
    )
    assert finished.status == 0, finished.err
    return finished


@asynccontextmanager
async def start_job(kafka: KafkaBroker, topic: str, folder: Path, store: str = "store") -> AsyncIterator[Command]:
    """Start the command in the background."""
    async with start_command(*JOB, *source_option(kafka, topic), "--store", store, folder=folder) as command:
        yield command


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_store_over_kafka_is_right_after_repeated_kills(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path, *, long_faults: bool
) -> None:
    """The committed offsets of the group are for monitoring only: the position is that of the store."""
    kills, mutations = (30, 170) if long_faults else (4, 80)
    random, name = Random(SEED), topic()
    parts = generate_batches(*[mutations] * (kills + 1), seed=SEED)
    sent = 0
    for part in parts[:-1]:
        sent += len(messages := encode_lines(part.mutations))
        produce(kafka, name, messages)
        async with start_job(kafka, name, tmp_path) as command:
            if random.random() < 0.5:
                await wait_until_fresh(tmp_path / "store", random.choice(part.mutations).time)
            else:
                await asyncio.sleep(random.uniform(0.0, 2.0))
            command.send(signal.SIGKILL)
    produce(kafka, name, messages := encode_lines(parts[-1].mutations))
    await run_to_end(kafka, name, tmp_path)
    assert read_graph(tmp_path / "store") == parts[-1].graph
    await wait_for_commits(kafka, name, {name: sent + len(messages)})


async def test_two_stores_follow_one_topic(kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path) -> None:
    """They share the name of a group and no partitions: each reads everything, and a fresh one from the beginning."""
    (batch,), name = generate_batches(100), topic()
    produce(kafka, name, encode_lines(batch.mutations))
    async with start_job(kafka, name, tmp_path, "one") as _, start_job(kafka, name, tmp_path, "other") as _:
        await asyncio.gather(
            wait_until_fresh(tmp_path / "one", batch.latest_event_time),
            wait_until_fresh(tmp_path / "other", batch.latest_event_time),
        )
    assert read_graph(tmp_path / "one") == read_graph(tmp_path / "other") == batch.graph


async def test_start_time_is_precise_to_the_millisecond(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """The start time is for a store that was loaded from a dump; a position in the store takes precedence."""
    first, second = generate_batches(50, 50)
    name = topic()
    produce(kafka, name, encode_lines(first.mutations))
    await asyncio.sleep(0.05)  # so that the records of the two have different times, as Kafka states them
    start = datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    produce(kafka, name, encode_lines(second.mutations))
    loaded = Store(tmp_path / "store")
    loaded.extend(Quad(each.subject, each.predicate, each.object, DefaultGraph()) for each in first.graph)
    del loaded
    words = (*JOB, *source_option(kafka, name, end="latest", start=start), "--store", "store")
    for _ in range(2):
        finished = await run_wikistate(*words, folder=tmp_path)
        assert finished.status == 0, finished.err
        assert read_graph(tmp_path / "store") == second.graph
    for wrong in ("1700000000", "yesterday"):
        finished = await run_wikistate(
            *JOB, *source_option(kafka, name, start=wrong), "--store", "store", folder=tmp_path
        )
        assert finished.status == 2
        assert "not a valid position" in finished.err


async def test_store_that_is_ahead_of_its_topic_stops_the_run(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """After the topic was deleted and created again, no mutation is applied to a store that does not match."""
    (batch,), name = generate_batches(60), topic()
    produce(kafka, name, messages := encode_lines(batch.mutations))
    await run_to_end(kafka, name, tmp_path)
    await _recreate_topic(kafka, name)
    produce(kafka, name, messages[:5])
    finished = await run_wikistate(*JOB, *source_option(kafka, name), "--store", "store", folder=tmp_path)
    assert finished.status == 4
    assert f"The store is at the offset {len(messages)} of {name}/0, which holds 0 to 5" in finished.err
    assert read_graph(tmp_path / "store") == batch.graph


async def test_endpoint_that_is_restored_from_an_older_backup_catches_up(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """One run covers it all: the endpoint dies, is restored from an earlier backup, and is filled again."""
    parts, name, data = generate_batches(100, 100, 100), topic(), tmp_path / "data"
    sent = [encode_lines(part.mutations) for part in parts]
    server = OxigraphServer(tmp_path / "server", data=data)
    words = (
        *JOB,
        *source_option(kafka, name),
        "--store",
        server.update_url,
        "--set",
        f"store.query_url={server.query_url}",
    )
    with server:
        async with start_command(*words, folder=tmp_path) as command:
            produce(kafka, name, sent[0])
            await _wait_for_offset(server, len(sent[0]))
            await asyncio.to_thread(server.stop)
            shutil.copytree(data, tmp_path / "backup")
            produce(kafka, name, sent[1])
            await command.wait_for_log("store_unavailable")
            await asyncio.to_thread(server.start)
            await _wait_for_offset(server, len(sent[0]) + len(sent[1]))
            await asyncio.to_thread(server.stop)
            shutil.rmtree(data)
            shutil.copytree(tmp_path / "backup", data)
            produce(kafka, name, sent[2])
            await asyncio.to_thread(server.start)
            await command.wait_for_log("store_offset_rewound")
            await _wait_for_offset(server, sum(map(len, sent)))
            assert (await command.stop()).status == 0
    assert read_graph(data) == parts[-1].graph


async def test_stop_works_during_an_outage_of_the_store(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """Nothing is in flight yet, so the run ends at once with exit code 0, however long the drain timeout is."""
    unreachable = f"http://127.0.0.1:{find_free_port()}/update"
    words = (*JOB, *source_option(kafka, topic()), "--store", unreachable, "--set", "local.drain_timeout=3600")
    async with start_command(*words, folder=tmp_path) as command:
        await command.wait_for_log("store_unavailable")
        finished = await command.stop()
    assert finished.status == 0
    assert "stopped_while_opening" in finished.err


async def _wait_for_offset(server: OxigraphServer, offset: int) -> None:
    """Wait until the store of an endpoint is at this offset."""
    async with asyncio.timeout(TIMEOUT):
        while await asyncio.to_thread(_offset, server) != offset:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # another process writes it


def _offset(server: OxigraphServer) -> int:
    query = b"SELECT ?offset WHERE { ?at <urn:wikistate:nextOffset> ?offset }"
    headers = {"Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json"}
    request = urllib.request.Request(server.query_url, query, headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        rows = orjson.loads(response.read())["results"]["bindings"]
    return int(rows[0]["offset"]["value"]) if rows else 0


async def _recreate_topic(kafka: KafkaBroker, topic: str) -> None:
    """Delete a topic with all its records, and create it again."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    await asyncio.to_thread(admin.delete_topics([topic])[topic].result, TIMEOUT)
    async with asyncio.timeout(TIMEOUT):
        while topic in list_topics(kafka):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the broker deletes it with a delay
    kafka.create_topic(topic)


async def test_topics_are_created_on_request_on_an_empty_cluster(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """The command creates the stream and the error stream, so that the consumer may start before the updater."""
    name = topic()
    stream, errors = f"{name}.mutation", f"{name}.errors"
    words = (*JOB, *source_option(kafka, stream), "--error-sink", f"kafka://{kafka.bootstrap_servers}/{errors}")
    finished = await run_wikistate(*words, "--store", "store", "--create-topics", "--check", folder=tmp_path)
    assert finished.status == 0, finished.err
    assert {stream, errors} <= list_topics(kafka)
