"""The job over server-sent events, from a server that drops connections, repeats events and sends malformed ones."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.e2e.commands import JOB, TIMEOUT, Command, start_command
from tests.e2e.enrichment_job import assert_valid, build_change, build_dataset, encode_line, read_lines, wiki_settings

from wikistate.testing.sse import SseConditions, SseServer
from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

STREAM = "mediawiki.page_change.v1"
TOPICS = (f"eqiad.{STREAM}", f"codfw.{STREAM}")
REVISIONS = range(1, 201)
MALFORMED = b'{"$schema": "/mediawiki/page/change/1.7.0", "meta": {"stream"'

CUT_AFTER = 23

STORM = SseConditions(cut_after=CUT_AFTER, repeat=5, heartbeat=2, line_ending=b"\r\n", chunk=700)
"""Each connection ends after 23 events, in the middle of the next; each begins with some earlier events;
comments come before, inside and behind events; bytes come in pieces."""


@pytest.fixture
async def server() -> AsyncIterator[SseServer]:
    """Stream of two topics, as of two data centres."""
    async with SseServer({STREAM: TOPICS}, STORM) as server:
        yield server


@pytest.fixture
async def wiki() -> AsyncIterator[FakeWiki]:
    """Wiki of the changes."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        yield wiki


def fill(server: SseServer, numbers: Sequence[int] = REVISIONS, *, malformed_at: int = 0) -> None:
    """Append changes to the two topics by turns, and one malformed event."""
    for number in numbers:
        server.append(TOPICS[number % 2], encode_line(build_change(number)))
        if number == malformed_at:
            server.append(TOPICS[0], MALFORMED)


@asynccontextmanager
async def start_job(server: SseServer, wiki: FakeWiki, folder: Path) -> AsyncIterator[Command]:
    """Start the command, from the beginning of the stream to files."""
    source = f"eventstreams:{STREAM}?base={server.base}&since=1970-01-01T00:00:00Z"
    endpoints = ("--source", source, "--sink", "file:out.ndjson", "--state", "state")
    async with start_command(*JOB, *endpoints, *wiki_settings(wiki), folder=folder) as command:
        yield command


async def wait_for_events(folder: Path, count: int) -> None:
    """Wait until so many different events, with error events, are in the output."""
    async with asyncio.timeout(TIMEOUT):
        while len(revisions(folder)) + len(read_lines(folder / "out.errors.ndjson")) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # another process writes the files


def revisions(folder: Path) -> set[int]:
    """Return the enriched revisions."""
    return {event["revision"]["rev_id"] for event in read_lines(folder / "out.ndjson")}


@pytest.mark.parametrize("timestamps", [False, True], ids=["offsets", "timestamps"])
async def test_nothing_is_lost_in_a_storm_and_the_malformed_event_is_an_error(
    server: SseServer, wiki: FakeWiki, tmp_path: Path, *, timestamps: bool
) -> None:
    """Each change is written once and the malformed event is an error event, by offset and by timestamp."""
    server.conditions = replace(STORM, timestamps=timestamps)
    fill(server, malformed_at=50)
    async with start_job(server, wiki, tmp_path) as command:
        await wait_for_events(tmp_path, len(REVISIONS) + 1)
        finished = await command.stop()
    assert finished.status == 0, finished.err
    events, errors = read_lines(tmp_path / "out.ndjson"), read_lines(tmp_path / "out.errors.ndjson")
    assert sorted(event["revision"]["rev_id"] for event in events) == list(REVISIONS)
    assert [(error["error_type"], error["raw_event"].encode()) for error in errors] == [("NotJson", MALFORMED)]
    assert_valid([*events, *errors])
    assert len(server.connections) > len(REVISIONS) // CUT_AFTER
    assert all("gzip" in connection.headers["Accept-Encoding"] for connection in server.connections)


async def test_killed_run_resumes_at_its_last_commit(server: SseServer, wiki: FakeWiki, tmp_path: Path) -> None:
    """One stop and two kills lose nothing, and committed events are not requested again."""
    fill(server, REVISIONS[:50])
    async with start_job(server, wiki, tmp_path) as command:
        await wait_for_events(tmp_path, 50)
        assert (await command.stop()).status == 0
    connections_before = len(server.connections)
    for first in (50, 100):
        fill(server, REVISIONS[first : first + 50])
        async with start_job(server, wiki, tmp_path) as command:
            await wait_for_events(tmp_path, first + 20)
            command.send(signal.SIGKILL)
    fill(server, REVISIONS[150:])
    async with start_job(server, wiki, tmp_path) as command:
        await wait_for_events(tmp_path, len(REVISIONS))
        assert (await command.stop()).status == 0
    assert revisions(tmp_path) == set(REVISIONS)
    resumed = {
        position["topic"]: position["offset"] for position in server.connections[connections_before].last_event_id or []
    }
    assert resumed == dict.fromkeys(TOPICS, 24)


async def test_job_waits_for_a_server_that_refuses_for_a_while(
    server: SseServer, wiki: FakeWiki, tmp_path: Path
) -> None:
    """The job connects again after 503 and 429, and waits first for the time that the server asks for."""
    server.conditions = SseConditions()
    async with start_job(server, wiki, tmp_path) as command:
        await command.wait_for_log("stream_opened")
        server.conditions = SseConditions(refuse_statuses=(200, 503, 429), retry_after=1)
        server.drop_connections()
        await command.wait_for_log("stream_unavailable", times=2)
        fill(server, malformed_at=50)
        await wait_for_events(tmp_path, len(REVISIONS) + 1)
        assert (await command.stop()).status == 0
    assert revisions(tmp_path) == set(REVISIONS)


async def test_missing_stream_is_an_error(server: SseServer, wiki: FakeWiki, tmp_path: Path) -> None:
    """The message names the stream and the response of the server; nothing is retried."""
    source = f"eventstreams:no.such.stream?base={server.base}"
    words = (*JOB, "--source", source, "--sink", "file:out.ndjson", "--state", "state", *wiki_settings(wiki))
    async with start_command(*words, folder=tmp_path) as command:
        finished = await command.finish()
    assert finished.status == 4
    assert "The event stream no.such.stream cannot be read" in finished.err
    assert "404" in finished.err
    assert len(server.connections) == 1
