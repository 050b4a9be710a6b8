"""A store that is killed and comes back empty, older or newer: nothing is missing, or the run ends with its cause."""

from __future__ import annotations

import asyncio
import shutil
import signal
from itertools import cycle, product
from random import Random
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Quad, Store
from tests.e2e.commands import run_wikistate, start_command
from tests.e2e.mutation_stream import (
    SITES,
    append_mutations,
    encode_lines,
    generate_batches,
    read_graph,
    wait_until_fresh,
)
from tests.e2e.rdf_stores import EmbeddedStore, ServedStore, assert_same
from tests.e2e.sync_run import (
    COMPLETE_MESSAGE,
    SyncRun,
    endpoint_settings,
    load_from_scratch,
    serve_endpoint,
    wait_until,
)
from tests.e2e.sync_run import read_graph as read_lines_of
from tests.support.killing_proxy import Kill, KillingProxy, KillMoment, StoreVersion, read_everything, restore
from tests.support.mutation_generator import STREAM
from tests.support.stores import BlazegraphServer, FusekiServer, OxigraphServer

from wikistate.testing.sse import SseServer
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.support.stores import StoreProcess

    from wikistate.core.updater.mutation import Mutation

JOB = ("run", "rdf-consumer", "--no-progress", "--source", "file:mutations.ndjson")
SMALL_BATCHES = ("--set", "store.batch_mutations=5", "--set", "store.batch_seconds=0.05")
SEED = 20_260_801
MUTATIONS = 200


@pytest.fixture(
    params=[
        "oxigraph in memory",
        "oxigraph in a folder",
        pytest.param("fuseki", marks=pytest.mark.stores),
        pytest.param("blazegraph", marks=pytest.mark.stores),
    ]
)
def process(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreProcess]:
    """A store of this test alone, since it is killed."""
    if request.param in ("fuseki", "blazegraph"):
        request.getfixturevalue(request.param)  # it skips the test if the store cannot be installed
    folder = tmp_path / "server"
    made: StoreProcess
    match request.param:
        case "fuseki":
            made = FusekiServer(folder)
        case "blazegraph":
            made = BlazegraphServer(folder)
        case name:
            made = OxigraphServer(folder, data=folder / "data" if "folder" in name else None)
    with made:
        yield made


def plan_kills(count: int, versions: Sequence[StoreVersion]) -> dict[int, Kill]:
    """Return so many kills, with each moment and each version in turn, a few updates apart."""
    random, kinds = Random(SEED), list(product(versions, KillMoment))
    random.shuffle(kinds)
    update, kills = 2, {}  # the check at the start has two updates
    for kind in [kind for _, kind in zip(range(count), cycle(kinds), strict=False)]:
        update += random.randint(1, 8)
        kills[update] = Kill(kind[1], kind[0])
    return kills


def write_stream(folder: Path, *mutations: Mutation) -> None:
    """Write the file that the job reads."""
    (folder / "mutations.ndjson").write_bytes(b"".join(line + b"\n" for line in encode_lines(mutations)))


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_store_that_is_killed_and_comes_back_in_another_state_loses_nothing(
    process: StoreProcess, tmp_path: Path, *, long_faults: bool
) -> None:
    """The kills are before, during, after and between updates; each time it comes back empty, older or as it was."""
    (batch,) = generate_batches(MUTATIONS, seed=SEED)
    write_stream(tmp_path, *batch.mutations)
    kills = plan_kills(30 if long_faults else 4, list(StoreVersion))
    async with KillingProxy(process, kills).serve() as proxy:
        async with start_command(*JOB, *SMALL_BATCHES, *endpoint_settings(proxy.url), folder=tmp_path) as command:
            while command.is_running and proxy.killed < len(kills):  # noqa: ASYNC110  (each restart takes seconds)
                await asyncio.sleep(0.1)
            finished = await command.finish()
        assert finished.status == 0, finished.err
        assert proxy.killed == len(kills)
    store = ServedStore(process, tmp_path / "unused", by_value=isinstance(process, BlazegraphServer))
    assert_same(store, batch.graph, of=str(kills))


async def test_store_that_is_replaced_by_a_newer_copy_ends_the_run(tmp_path: Path) -> None:
    """The message names both positions; the next run continues where the copy is."""
    first, second = generate_batches(150, 100, seed=SEED)
    write_stream(tmp_path, *first.mutations, *second.mutations)
    with OxigraphServer(tmp_path / "newer") as newer, OxigraphServer(tmp_path / "server") as process:
        (tmp_path / "part").mkdir()
        write_stream(tmp_path / "part", *first.mutations)
        whole = endpoint_settings(newer.update_url.removesuffix("/update"))
        assert (await run_wikistate(*JOB, *SMALL_BATCHES, *whole, folder=tmp_path / "part")).status == 0
        copy = read_everything(newer)
        async with KillingProxy(process, {}).serve() as proxy:
            settings = endpoint_settings(proxy.url)
            async with start_command(*JOB, *SMALL_BATCHES, *settings, folder=tmp_path) as command:
                async with proxy.pause_after(8):
                    await asyncio.to_thread(restore, process, copy)
                ended = await command.finish()
            assert ended.status == 4, ended.err
            assert "Another process writes into the store, or it was replaced by a newer copy" in ended.err
            assert read_everything(process) == copy
            finished = await run_wikistate(*JOB, *SMALL_BATCHES, *settings, folder=tmp_path)
            assert finished.status == 0, finished.err
        assert_same(ServedStore(process, tmp_path / "unused", by_value=False), second.graph)


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_embedded_store_is_killed_and_opened_again_on_another_copy(tmp_path: Path, *, long_faults: bool) -> None:
    """After a kill the folder is missing, an older copy, or the copy of a later position; the source is a file."""
    random, folder = Random(SEED), tmp_path / "store"
    (batch,) = generate_batches(MUTATIONS * 2, seed=SEED)
    write_stream(tmp_path, *batch.mutations)
    copies: list[Path] = []
    for number in range(30 if long_faults else 4):
        async with start_command(*JOB, "--store", "store", *SMALL_BATCHES, folder=tmp_path) as command:
            await wait_until_fresh(folder, random.choice(batch.mutations[:MUTATIONS]).time)
            command.send(signal.SIGKILL)
        copies.append(tmp_path / f"copy{number}")
        folder.rename(copies[-1])
        folder.with_name("store.freshness").unlink()
        if number % 4:
            shutil.copytree(random.choice(copies), folder)
    finished = await run_wikistate(*JOB, "--store", "store", *SMALL_BATCHES, folder=tmp_path)
    assert finished.status == 0, finished.err
    assert_same(EmbeddedStore(folder), batch.graph)


async def test_embedded_store_whose_folder_is_replaced_while_it_is_open_ends_the_run(tmp_path: Path) -> None:
    """An open store mixes its files with those of the copy: nothing is written any more, and the message says what to do."""
    first, second, third = generate_batches(60, 60, 60, seed=SEED)
    write_stream(tmp_path, *first.mutations)
    assert (await run_wikistate(*JOB, "--store", "store", folder=tmp_path)).status == 0
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    async with SseServer({STREAM: SITES}) as server:
        append_mutations(server, first.mutations)
        source = f"eventstreams:{STREAM}?base={server.base}&since=1970-01-01T00:00:00Z"
        job = ("run", "rdf-consumer", "--no-progress", "--source", source, "--store", "store", *SMALL_BATCHES)
        (tmp_path / "store").rename(tmp_path / "from-file")
        async with start_command(*job, folder=tmp_path) as command:
            append_mutations(server, second.mutations)
            await wait_until_fresh(tmp_path / "store", second.latest_event_time)
            (tmp_path / "store").rename(tmp_path / "moved")
            shutil.copytree(tmp_path / "copy", tmp_path / "store")
            append_mutations(server, third.mutations)
            ended = await command.finish()
    assert ended.status == 4, ended.err
    assert "was replaced or removed while this process has its store open" in ended.err
    assert "restore the folder again" in ended.err
    assert read_graph(tmp_path / "copy") == first.graph


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_sync_withdraws_completeness_and_compares_all_entities_when_its_store_is_lost(
    tmp_path: Path, *, long_faults: bool
) -> None:
    """The store in memory comes back empty or older, also between two checkpoints and during a full scan."""
    repository, random, store = Repository(), Random(SEED), Store()
    editors = EditSimulator(repository, seed=SEED, triples=40)
    editors.create_initial(30)
    backup = list[Quad]()
    async with FakeWikibase(repository, simulator=editors) as wikibase, serve_endpoint(store) as url:
        synced = SyncRun(wikibase, tmp_path)
        async with synced.start(*endpoint_settings(url)) as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            for number in range(30 if long_faults else 4):
                editors.simulate(10)
                await asyncio.sleep(random.uniform(0.0, 1.0))
                assert command.is_running, command.err
                backup, lost = list(store), backup if number % 2 else []
                store.clear()
                store.extend(lost)
                if not lost:
                    assert completed_until(store) == 0
            editors.simulate(10)
            await wait_until(lambda: read_lines_of(store) == load_from_scratch(repository))
            await wait_until(lambda: completed_until(store) > 0)
            assert len([line for line in command.lines() if line["message"] == "store_older_than_checkpoint"]) > 1
            assert (await command.stop()).status == 0
    assert read_lines_of(store) == load_from_scratch(repository)


def completed_until(store: Store) -> int:
    """Return the year up to which the store says that it is complete; 0 if it does not say so."""
    texts = [quad.object.value for quad in store if "completedUntil" in str(quad.predicate)]
    return max([int(text[:4]) for text in texts if not text.startswith("1970")], default=0)
