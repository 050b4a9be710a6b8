"""A new user with the public page in hand: kcat on both sides, and nothing of ours but the command."""

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
        """``kcat -P``: each line is a record."""
        self._run("-P", "-t", topic, *options, stdin=lines)

    def consume(self, topic: str, form: str = "%s\\n") -> bytes:
        """``kcat -C`` up to the end of the topic; each record in this form, which is kcat's."""
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
    """The wikis of the changes, deleted pages included, as at the moment of their events."""
    async with WikiProcess("--changes", str(CHANGES), "--with-deleted") as process:
        yield process


@pytest.fixture
def events() -> list[Event]:
    """Changes without canaries."""
    made = corpus.compose(changes=CHANGES).events
    return [event for event in made if event["meta"]["domain"] != "canary"]


def words(kafka: KafkaBroker, wiki: WikiProcess, *, source: str, sink: str, errors: str) -> list[str]:
    """The command line."""
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
    """Topics that the command makes, a blank line (which kcat keeps to itself), a file of events: all come out enriched."""
    source, sink, errors = (f"{topic()}.{end}" for end in ("in", "out", "errors"))
    (tmp_path / "events.ndjson").write_bytes(encode_ndjson(events))
    async with start_command(*words(kafka, wiki, source=source, sink=sink, errors=errors)) as job:
        await job.wait_for_log("partition_assigned")
        assert {source, sink, errors} <= list_topics(kafka)
        cat.produce(source, b"\n")
        cat.produce(source, b"", "-l", tmp_path / "events.ndjson")
        finished = await stopped(job, kafka, sink, errors, len(events))

    assert finished.status == 0, finished.err
    check_enriched(decode_ndjson(cat.consume(sink)), events, failed=decode_ndjson(cat.consume(errors)))
    keys = {orjson.loads(key)["wiki_id"] for key in cat.consume(sink, "%k\\n").splitlines()}
    assert {"enwiki", "dewiki"} <= keys


async def stopped(job: Command, kafka: KafkaBroker, sink: str, errors: str, count: int) -> CommandResult:
    """Wait until so much came out, then end the job as a service manager does."""
    await wait_for_count(kafka, sink, errors, count=count)
    return await job.stop()


def check_enriched(outputs: list[Event], events: list[Event], *, failed: list[Event]) -> None:
    """Each event came out once, with content if it is of a kind that has some; what failed says why."""
    ids = [event["meta"]["id"] for event in outputs]
    ids += [orjson.loads(error["raw_event"])["meta"]["id"] for error in failed]
    assert sorted(ids) == sorted(event["meta"]["id"] for event in events)
    edits = [event for event in outputs if event["page_change_kind"] == "edit"]
    visible = [event for event in edits if event["revision"]["is_content_visible"]]
    assert visible
    assert sum("content_body" in event["revision"]["content_slots"]["main"] for event in visible) > 0.8 * len(visible)


@pytest.mark.parametrize(
    ("value", "said"), [(b"", "The record is empty."), (b" ", "The record is not JSON"), (None, None)]
)
async def test_a_record_with_nothing_in_it_harms_nothing(
    value: bytes | None,
    said: str | None,
    cat: Kcat,
    kafka: KafkaBroker,
    topic: TopicFactory,
    wiki: WikiProcess,
    events: list[Event],
) -> None:
    """Empty and blank records are one error event each, a null is a tombstone and none; the event behind is enriched."""
    source, sink, errors = topic(), topic(), topic()
    async with start_command(*words(kafka, wiki, source=source, sink=sink, errors=errors)) as job:
        await job.wait_for_log("partition_assigned")
        produce(kafka, source, [value])
        cat.produce(source, encode_ndjson(events[:1]))
        finished = await stopped(job, kafka, sink, errors, 1 + (said is not None))

    assert finished.status == 0, finished.err
    assert [event["meta"]["id"] for event in decode_ndjson(cat.consume(sink))] == [events[0]["meta"]["id"]]
    told = [(event["error_type"], event["message"]) for event in decode_ndjson(cat.consume(errors))]
    if said is None:
        assert told == []
        assert "dropped: tombstone" in finished.err
    else:
        ((kind, message),) = told
        assert kind == "NotJson"
        assert said in message


async def test_a_second_run_goes_on_where_the_first_was_stopped(
    cat: Kcat, kafka: KafkaBroker, topic: TopicFactory, wiki: WikiProcess, events: list[Event]
) -> None:
    """What was produced while nothing ran is read by the next run, and nothing is written twice."""
    source, sink, errors = topic(), topic(), topic()
    command = words(kafka, wiki, source=source, sink=sink, errors=errors)
    half = len(events) // 2
    async with start_command(*command) as job:
        await job.wait_for_log("partition_assigned")
        cat.produce(source, encode_ndjson(events[:half]))
        assert (await stopped(job, kafka, sink, errors, half)).status == 0
    await asyncio.to_thread(cat.produce, source, encode_ndjson(events[half:]))
    async with start_command(*command) as job:
        assert (await stopped(job, kafka, sink, errors, len(events))).status == 0
    check_enriched(decode_ndjson(cat.consume(sink)), events, failed=decode_ndjson(cat.consume(errors)))
