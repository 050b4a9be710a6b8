"""A total failure of each kind never looks like a success: terminal, log, exit code, `lag`, and the mark of the store."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest
from tests.e2e.commands import run_wikistate
from tests.e2e.enrichment_job import (
    TIMEOUT,
    build_change,
    build_dataset,
    encode_line,
    run_over_file,
    setting_arguments,
    start_job,
    wiki_settings,
)
from tests.e2e.rdf_wiki import follow_settings
from tests.e2e.sync_run import COMPLETE_MESSAGE, SyncRun
from tests.support.processes import find_free_port

from wikistate.testing.faults import ApiError, Fault, HttpStatus, NonJsonBody, Rule
from wikistate.testing.wiki.server import FakeWiki
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository, build_page_change

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TURTLE = {"Content-Type": "text/turtle; charset=UTF-8"}
FORBIDDEN = HttpStatus(403, {"Content-Type": "text/plain"}, "Please set a user agent.")
NOT_UNDERSTOOD = HttpStatus(200, TURTLE, "<http://other.example/a> <http://other.example/b> <http://other.example/c> .")
REVISIONS = range(1, 31)
LINES = [encode_line(build_change(number)) for number in REVISIONS]


@pytest.fixture
async def synced(tmp_path: Path) -> AsyncIterator[SyncRun]:
    """Empty store, and a wiki with entities of all kinds."""
    repository = Repository(clock=time.time)
    editors = EditSimulator(repository, seed=6, triples=20)
    editors.create_initial(30)
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        yield SyncRun(wikibase, tmp_path)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [(NOT_UNDERSTOOD, "MungeError"), (HttpStatus(200, TURTLE, "no RDF"), "RdfError")],
    ids=["rdf-not-understood", "not-rdf"],
)
async def test_rdf_sync_ends_with_the_cause_and_an_incomplete_store(synced: SyncRun, fault: Fault, cause: str) -> None:
    """The next run compares all entities again, and then the store equals the wiki.

    The start itself reads one entity, which is a file here: the faults are of all others.
    """
    synced.wikibase.set_faults([Rule(fault, path=f"EntityData/{letter}") for letter in "QPL"])
    for _ in range(2):
        message = await synced.run_to_error()
        assert "be read. The last one failed with" in message
        assert cause in message
        assert "first_failure" in message
        assert COMPLETE_MESSAGE not in message
        lag = await run_wikistate("lag", "--store", "store", folder=synced.folder)
        assert lag.status == 4, lag.err
    synced.wikibase.set_faults([])
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_store_is_complete_but_for_an_entity_that_cannot_be_read(synced: SyncRun) -> None:
    """One of many does not make the store useless, and the log names the number."""
    synced.wikibase.set_faults([Rule(NOT_UNDERSTOOD, path="/Q1.")])
    async with synced.start() as command:
        line = await command.wait_for_log("store_complete_except")
        assert line["labels"]["failed"] == 1
        await command.stop()


@pytest.mark.parametrize(
    ("fault", "says"),
    [(NOT_UNDERSTOOD, "is not about"), (HttpStatus(200, TURTLE, "no RDF"), "It begins with 'no RDF'")],
    ids=["rdf-not-understood", "not-rdf"],
)
async def test_first_failure_at_the_start_ends_rdf_sync(synced: SyncRun, fault: Fault, says: str) -> None:
    """The entity that the start reads cannot be understood; the message has the cause."""
    synced.wikibase.set_faults([Rule(fault, path="EntityData")])
    result = await run_wikistate(
        *("run", "rdf-sync", "--no-progress", "--wikibase", synced.wikibase.url, "--store", "store"),
        folder=synced.folder,
    )
    assert result.status == 4, result.err
    assert says in result.err


@pytest.mark.parametrize(
    ("fault", "cause"),
    [(FORBIDDEN, "ClientError"), (ApiError("permissiondenied"), "ApiError"), (NonJsonBody(), "UnparsableResponse")],
    ids=["every-fetch-403", "no-permission", "maintenance-page"],
)
async def test_enrichment_of_which_every_fetch_fails_has_its_exit_code(
    tmp_path: Path, fault: Fault, cause: str
) -> None:
    """All events are on the error stream; log and summary have the error type."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        wiki.set_faults([Rule(fault)])
        result = await run_over_file(tmp_path, LINES, *wiki_settings(wiki))
    assert result.code == 8, result.stderr
    assert len(result.errors) == len(LINES)
    assert "run_failed" in result.stderr
    assert "first_failure" in result.stderr
    assert cause in result.stderr


@pytest.mark.parametrize("line", [b"no event", b'{"$schema":"/other/1.0.0"}', b"[]"])
async def test_enrichment_of_which_every_event_is_refused_has_its_exit_code(tmp_path: Path, line: bytes) -> None:
    """The file is of another stream, or not of events; one line is enough."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        for count in (1, 40):
            result = await run_over_file(tmp_path, [line] * count, *wiki_settings(wiki))
            assert result.code == 8, result.stderr
            assert "run_failed" in result.stderr


async def test_few_failures_among_many_events_keep_exit_code_0(tmp_path: Path) -> None:
    """They are on the error stream."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        result = await run_over_file(tmp_path, [*LINES, b"no event"], *wiki_settings(wiki))
    assert result.code == 0, result.stderr
    assert result.error_types == ["NotJson"]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [(FORBIDDEN, "HTTP status 403"), (NOT_UNDERSTOOD, "no known triple about")],
    ids=["403", "rdf"],
)
async def test_rdf_updater_of_which_every_entity_fails_ends_with_the_cause(
    tmp_path: Path, fault: Fault, cause: str
) -> None:
    """The first entities decide: no later one would be read. Nothing is committed."""
    repository = Repository()
    editors = EditSimulator(repository, seed=1, triples=20)
    editors.create_initial(15)
    events = [build_page_change(change, repository.wiki) for change in repository.journal]
    source = tmp_path / "changes.ndjson"
    source.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    async with FakeWikibase(repository) as wikibase:
        wikibase.set_faults([Rule(fault, path="EntityData")])
        words = (f"--source=file:{source}", f"--sink=file:{tmp_path / 'm.ndjson'}", f"--state={tmp_path / 'state'}")
        command = ("run", "rdf-updater", "--no-progress", *words, *follow_settings(wikibase))
        result = await run_wikistate(*command, folder=tmp_path)
    assert result.status == 4, result.err
    assert "cannot be read" in result.err
    assert cause in result.err


async def test_rdf_consumer_of_which_every_message_is_refused_has_its_exit_code(tmp_path: Path) -> None:
    """The stream is not one of mutations."""
    (tmp_path / "messages.ndjson").write_bytes(b"".join(line + b"\n" for line in LINES))
    words = ("run", "rdf-consumer", "--no-progress", "--store", "store", "--source", "file:messages.ndjson")
    result = await run_wikistate(*words, folder=tmp_path)
    assert result.status == 8, result.err
    assert "InvalidMutation" in result.err
    lag = await run_wikistate("lag", "--store", "store", folder=tmp_path)
    assert lag.status == 4, lag.out


async def test_service_is_not_ready_while_most_events_fail(tmp_path: Path) -> None:
    """Readiness and metric show the alarm, and its end when the wiki answers again. The service continues meanwhile."""
    port = find_free_port()
    arguments = setting_arguments(telemetry__metrics_port=port, enrich__circuit_breaker__failures=1000)
    async with (
        FakeWiki(build_dataset(*REVISIONS)) as wiki,
        start_job(tmp_path, *wiki_settings(wiki), *arguments) as job,
    ):
        await job.feed(LINES[:1])
        assert await wait_for_readiness(port, ready=True) == "ready\n"
        wiki.set_faults([Rule(FORBIDDEN)])
        await job.feed(LINES)
        assert await wait_for_readiness(port, ready=False) == "wikistate_main_failure{error_type=ClientError}\n"
        assert job.is_running
        wiki.set_faults([])
        await job.feed(LINES)
        assert await wait_for_readiness(port, ready=True) == "ready\n"


async def wait_for_readiness(port: int, *, ready: bool) -> str:
    """Return the text of the page when the service is ready, or is not ready."""
    async with asyncio.timeout(TIMEOUT), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                if answer.status == (200 if ready else 503):
                    return await answer.text()
            await asyncio.sleep(0.05)
