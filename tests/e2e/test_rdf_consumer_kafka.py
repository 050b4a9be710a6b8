"""Mutations over real Kafka into stores: killed, stopped, restored from a backup, and started anew."""

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


def source(kafka: KafkaBroker, topic: str, **options: str) -> tuple[str, ...]:
    """The option that names a topic, with a consumer group of its own: other tests use the job's, too."""
    query = "&".join(f"{name}={value}" for name, value in {"group": topic, **options}.items())
    return ("--source", f"kafka://{kafka.bootstrap_servers}/{topic}?{query}")


async def to_the_end(kafka: KafkaBroker, topic: str, folder: Path, *more: str) -> CommandResult:
    """Take in what the topic holds now."""
    finished = await run_wikistate(*JOB, *source(kafka, topic, end="latest"), "--store", "store", *more, folder=folder)
    assert finished.status == 0, finished.err
    return finished


@asynccontextmanager
async def following(kafka: KafkaBroker, topic: str, folder: Path, store: str = "store") -> AsyncIterator[Command]:
    """The command in the background."""
    async with start_command(*JOB, *source(kafka, topic), "--store", store, folder=folder) as command:
        yield command


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_killed_again_and_again_over_kafka_it_ends_the_same(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path, *, long_faults: bool
) -> None:
    """What the group committed counts for nothing but for those who watch it: the position is the store's."""
    kills, mutations = (30, 170) if long_faults else (4, 80)
    moments, name = Random(SEED), topic()
    parts = generate_batches(*[mutations] * (kills + 1), seed=SEED)
    sent = 0
    for part in parts[:-1]:
        sent += len(messages := encode_lines(part.mutations))
        produce(kafka, name, messages)
        async with following(kafka, name, tmp_path) as command:
            if moments.random() < 0.5:
                await wait_until_fresh(tmp_path / "store", moments.choice(part.mutations).time)
            else:
                await asyncio.sleep(moments.uniform(0.0, 2.0))
            command.send(signal.SIGKILL)
    produce(kafka, name, messages := encode_lines(parts[-1].mutations))
    await to_the_end(kafka, name, tmp_path)
    assert read_graph(tmp_path / "store") == parts[-1].graph
    await wait_for_commits(kafka, name, {name: sent + len(messages)})


async def test_two_stores_follow_one_topic(kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path) -> None:
    """They share a group's name and no partitions: each reads everything, and a fresh one from the beginning."""
    (stretch,), name = generate_batches(100), topic()
    produce(kafka, name, encode_lines(stretch.mutations))
    async with following(kafka, name, tmp_path, "one") as _, following(kafka, name, tmp_path, "other") as _:
        await asyncio.gather(
            wait_until_fresh(tmp_path / "one", stretch.latest_event_time),
            wait_until_fresh(tmp_path / "other", stretch.latest_event_time),
        )
    assert read_graph(tmp_path / "one") == read_graph(tmp_path / "other") == stretch.graph


async def test_a_time_to_start_at_is_found_to_the_millisecond(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """For a store that was loaded from a dump; of a store that has a position, that counts."""
    first, second = generate_batches(50, 50)
    name = topic()
    produce(kafka, name, encode_lines(first.mutations))
    await asyncio.sleep(0.05)  # so that the records of the two have different times, as Kafka states them
    moment = datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    produce(kafka, name, encode_lines(second.mutations))
    loaded = Store(tmp_path / "store")
    loaded.extend(Quad(each.subject, each.predicate, each.object, DefaultGraph()) for each in first.graph)
    del loaded
    words = (*JOB, *source(kafka, name, end="latest", start=moment), "--store", "store")
    for _ in range(2):
        finished = await run_wikistate(*words, folder=tmp_path)
        assert finished.status == 0, finished.err
        assert read_graph(tmp_path / "store") == second.graph
    for wrong in ("1700000000", "yesterday"):
        finished = await run_wikistate(*JOB, *source(kafka, name, start=wrong), "--store", "store", folder=tmp_path)
        assert finished.status == 2
        assert "not a valid position" in finished.err


async def test_a_store_that_is_ahead_of_its_topic_stops_the_run(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """A topic that was made anew, or another one of its name: nothing is applied upon what does not fit."""
    (stretch,), name = generate_batches(60), topic()
    produce(kafka, name, messages := encode_lines(stretch.mutations))
    await to_the_end(kafka, name, tmp_path)
    await _made_anew(kafka, name)
    produce(kafka, name, messages[:5])
    finished = await run_wikistate(*JOB, *source(kafka, name), "--store", "store", folder=tmp_path)
    assert finished.status == 4
    assert f"The store is at the offset {len(messages)} of {name}/0, which holds 0 to 5" in finished.err
    assert read_graph(tmp_path / "store") == stretch.graph


async def test_an_endpoint_that_goes_away_and_comes_back_older_ends_right(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """One run over all of it: the endpoint dies, is restored from a backup of before, and is read into again."""
    parts, name, data = generate_batches(100, 100, 100), topic(), tmp_path / "data"
    sent = [encode_lines(part.mutations) for part in parts]
    server = OxigraphServer(tmp_path / "server", data=data)
    words = (*JOB, *source(kafka, name), "--store", server.update_url, "--set", f"store.query_url={server.query_url}")
    with server:
        async with start_command(*words, folder=tmp_path) as command:
            produce(kafka, name, sent[0])
            await _reached(server, len(sent[0]))
            await asyncio.to_thread(server.stop)
            shutil.copytree(data, tmp_path / "backup")
            produce(kafka, name, sent[1])
            await command.wait_for_log("store_unavailable")
            await asyncio.to_thread(server.start)
            await _reached(server, len(sent[0]) + len(sent[1]))
            await asyncio.to_thread(server.stop)
            shutil.rmtree(data)
            shutil.copytree(tmp_path / "backup", data)
            produce(kafka, name, sent[2])
            await asyncio.to_thread(server.start)
            await command.wait_for_log("store_offset_rewound")
            await _reached(server, sum(map(len, sent)))
            assert (await command.stop()).status == 0
    assert read_graph(data) == parts[-1].graph


async def test_a_stop_is_heard_while_the_store_is_away(kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path) -> None:
    """The run ends after the drain time, in good order, and says that the next one does the rest."""
    nobody = f"http://127.0.0.1:{find_free_port()}/update"
    words = (*JOB, *source(kafka, topic()), "--store", nobody, "--set", "local.drain_timeout=0.2")
    async with start_command(*words, folder=tmp_path) as command:
        await command.wait_for_log("store_unavailable")
        finished = await command.stop()
    assert finished.status == 0
    assert "drain_timeout_reached" in finished.err


async def _reached(server: OxigraphServer, offset: int) -> None:
    """Wait until an endpoint says that it is at this offset."""
    async with asyncio.timeout(TIMEOUT):
        while await asyncio.to_thread(_offset, server) != offset:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # another process writes it


def _offset(server: OxigraphServer) -> int:
    question = b"SELECT ?offset WHERE { ?at <urn:wikistate:nextOffset> ?offset }"
    headers = {"Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json"}
    with urllib.request.urlopen(urllib.request.Request(server.query_url, question, headers), timeout=TIMEOUT) as told:
        rows = orjson.loads(told.read())["results"]["bindings"]
    return int(rows[0]["offset"]["value"]) if rows else 0


async def _made_anew(kafka: KafkaBroker, topic: str) -> None:
    """Delete a topic with all that is in it, and create it again."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    await asyncio.to_thread(admin.delete_topics([topic])[topic].result, TIMEOUT)
    async with asyncio.timeout(TIMEOUT):
        while topic in list_topics(kafka):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the broker lets go of it later
    kafka.create_topic(topic)


async def test_on_an_empty_cluster_the_topics_are_made_on_request(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """The stream and the error stream, so that the consumer may be started before the updater."""
    name = topic()
    stream, errors = f"{name}.mutation", f"{name}.errors"
    words = (*JOB, *source(kafka, stream), "--error-sink", f"kafka://{kafka.bootstrap_servers}/{errors}")
    finished = await run_wikistate(*words, "--store", "store", "--create-topics", "--check", folder=tmp_path)
    assert finished.status == 0, finished.err
    assert {stream, errors} <= list_topics(kafka)
