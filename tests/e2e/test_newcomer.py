"""A new user with the README: kcat on both sides, and the command alone."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.e2e.commands import JOB, decode_ndjson, encode_ndjson, start_command
from tests.e2e.kafka_topics import list_topics, produce, wait_for_count

from wikistate.demo import corpus
from wikistate.testing.wiki import WikiProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.commands import Command, CommandResult
    from tests.support.broker import KafkaBroker

    from wikistate.core.events.meta import Event

CHANGES = 120


class Kcat:
    """`kcat` and one broker."""

    def __init__(self, program: str, kafka: KafkaBroker) -> None:
        self._program = program
        self._kafka = kafka

    def produce(self, topic: str, lines: bytes, *options: str | Path) -> None:
        """Run ``kcat -P``: each line is a record."""
        self._run("-P", "-t", topic, *options, stdin=lines)

    def consume(self, topic: str, form: str = "%s\\n") -> bytes:
        """Run ``kcat -C`` up to the end of the topic, with kcat's format for each record."""
        return self._run("-C", "-t", topic, "-e", "-q", "-f", form)

    def _run(self, *options: str | Path, stdin: bytes = b"") -> bytes:
        command = [self._program, "-b", self._kafka.bootstrap_servers, *options]
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


@pytest.fixture
def cat(kcat: str, kafka: KafkaBroker) -> Kcat:
    """`kcat` with the session's broker."""
    return Kcat(kcat, kafka)


@pytest.fixture
async def wiki() -> AsyncIterator[WikiProcess]:
    """Wikis of the changes with deleted pages, in their state at the time of the events."""
    async with WikiProcess("--changes", str(CHANGES), "--with-deleted") as process:
        yield process


@pytest.fixture
def events() -> list[Event]:
    """Changes without canary events."""
    sample = corpus.compose(changes=CHANGES).events
    return [event for event in sample if event["meta"]["domain"] != "canary"]


def words(kafka: KafkaBroker, wiki: WikiProcess, *, source: str, sink: str, errors: str) -> list[str]:
    """Return the arguments of the command."""
    cluster = f"kafka://{kafka.bootstrap_servers}"
    return [
        *(*JOB, "--create-topics"),
        *("--source", f"{cluster}/{source}?group={source}", "--sink", f"{cluster}/{sink}"),
        *("--error-sink", f"{cluster}/{errors}"),
        *("--set", f"enrich.mediawiki_api_endpoint_template={wiki.url}/w/api.php"),
    ]


async def test_kcat_in_and_kcat_out(
    cat: Kcat, kafka: KafkaBroker, topic: TopicFactory, wiki: WikiProcess, events: list[Event], tmp_path: Path
) -> None:
    """Each event is enriched over topics that the command creates; kcat skips a blank line of its input."""
    source, sink, errors = (f"{topic()}.{end}" for end in ("in", "out", "errors"))
    (tmp_path / "events.ndjson").write_bytes(encode_ndjson(events))
    async with start_command(*words(kafka, wiki, source=source, sink=sink, errors=errors)) as job:
        await job.wait_for_log("partition_assigned")
        assert {source, sink, errors} <= list_topics(kafka)
        cat.produce(source, b"\n")
        cat.produce(source, b"", "-l", tmp_path / "events.ndjson")
        finished = await stop_after_outputs(job, kafka, sink, errors, len(events))

    assert finished.status == 0, finished.err
    assert_enriched(decode_ndjson(cat.consume(sink)), events, failed=decode_ndjson(cat.consume(errors)))
    keys = {orjson.loads(key)["wiki_id"] for key in cat.consume(sink, "%k\\n").splitlines()}
    assert {"enwiki", "dewiki"} <= keys


async def stop_after_outputs(job: Command, kafka: KafkaBroker, sink: str, errors: str, count: int) -> CommandResult:
    """Wait until the topics hold so many outputs, then end the job as a service manager does."""
    await wait_for_count(kafka, sink, errors, count=count)
    return await job.stop()


def assert_enriched(outputs: list[Event], events: list[Event], *, failed: list[Event]) -> None:
    """Assert that each event is in one output once, and that nearly all visible edits have content."""
    ids = [event["meta"]["id"] for event in outputs]
    ids += [orjson.loads(error["raw_event"])["meta"]["id"] for error in failed]
    assert sorted(ids) == sorted(event["meta"]["id"] for event in events)
    edits = [event for event in outputs if event["page_change_kind"] == "edit"]
    visible = [event for event in edits if event["revision"]["is_content_visible"]]
    assert visible
    assert sum("content_body" in event["revision"]["content_slots"]["main"] for event in visible) > 0.8 * len(visible)


@pytest.mark.parametrize(
    ("value", "reason"), [(b"", "The record is empty."), (b" ", "The record is not JSON"), (None, None)]
)
async def test_record_without_content_does_not_harm_the_next_one(
    value: bytes | None,
    reason: str | None,
    cat: Kcat,
    kafka: KafkaBroker,
    topic: TopicFactory,
    wiki: WikiProcess,
    events: list[Event],
) -> None:
    """An empty or a blank record becomes one error event, a tombstone does not; the event behind is enriched."""
    source, sink, errors = topic(), topic(), topic()
    async with start_command(*words(kafka, wiki, source=source, sink=sink, errors=errors)) as job:
        await job.wait_for_log("partition_assigned")
        produce(kafka, source, [value])
        cat.produce(source, encode_ndjson(events[:1]))
        finished = await stop_after_outputs(job, kafka, sink, errors, 1 + (reason is not None))

    assert finished.status == 0, finished.err
    assert [event["meta"]["id"] for event in decode_ndjson(cat.consume(sink))] == [events[0]["meta"]["id"]]
    errors_written = [(event["error_type"], event["message"]) for event in decode_ndjson(cat.consume(errors))]
    if reason is None:
        assert errors_written == []
        assert "dropped: tombstone" in finished.err
    else:
        ((kind, message),) = errors_written
        assert kind == "NotJson"
        assert reason in message


async def test_second_run_resumes_where_the_first_one_stopped(
    cat: Kcat, kafka: KafkaBroker, topic: TopicFactory, wiki: WikiProcess, events: list[Event]
) -> None:
    """The next run reads the records that were produced between the runs, and no event is written twice."""
    source, sink, errors = topic(), topic(), topic()
    command = words(kafka, wiki, source=source, sink=sink, errors=errors)
    half = len(events) // 2
    async with start_command(*command) as job:
        await job.wait_for_log("partition_assigned")
        cat.produce(source, encode_ndjson(events[:half]))
        assert (await stop_after_outputs(job, kafka, sink, errors, half)).status == 0
    await asyncio.to_thread(cat.produce, source, encode_ndjson(events[half:]))
    async with start_command(*command) as job:
        assert (await stop_after_outputs(job, kafka, sink, errors, len(events))).status == 0
    assert_enriched(decode_ndjson(cat.consume(sink)), events, failed=decode_ndjson(cat.consume(errors)))
