"""rdf-updater as its users start it: the published mutations lead to the graphs of the wiki in all cases."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.e2e.enrichment_job import TIMEOUT, assert_valid, read_lines, setting_arguments
from tests.e2e.rdf_updater_job import KafkaJob
from tests.e2e.rdf_wiki import (
    BOOTSTRAP,
    COMMAND,
    current_revisions,
    entity_of,
    follow_settings,
    graphs_of,
    graphs_of_wiki,
)
from tests.support.processes import Process, read_tail

from wikistate.testing import faults
from wikistate.testing.faults import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.support.broker import KafkaBroker

    from wikistate.testing.wikibase import WikibaseProcess

Event = dict[str, object]
SEED = 20_260_101


async def run(*words: str) -> tuple[int, str]:
    """Run the job to its end, and return its exit code and its standard error."""
    process = await asyncio.create_subprocess_exec(*COMMAND, *words, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(TIMEOUT):
            _, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, stderr.decode()


async def test_published_mutations_lead_to_the_graphs_of_the_wiki(wikibase: WikibaseProcess, tmp_path: Path) -> None:
    """From a file to files, in two runs: the second one resumes at the position in the state."""
    source, sink = tmp_path / "changes.ndjson", tmp_path / "mutations.ndjson"
    words = (
        f"--source=file:{source}",
        f"--sink=file:{sink}",
        f"--state={tmp_path / 'state'}",
        *follow_settings(wikibase),
    )
    for edits in (60, 80):
        await wikibase.edit(edits)
        source.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in await wikibase.journal()))
        code, stderr = await run(*words)
        assert code == 0, stderr
    published = read_lines(sink)
    assert graphs_of(published) == await graphs_of_wiki(wikibase)
    assert {event["operation"] for event in published} >= {"import", "diff", "delete"}
    assert_valid(published)
    assert_valid(read_lines(tmp_path / "mutations.side.ndjson"))
    assert read_lines(tmp_path / "mutations.errors.ndjson") == []


async def test_malformed_event_and_fetch_failure_are_reported(wikibase: WikibaseProcess, tmp_path: Path) -> None:
    """A line that is not an event is on the error stream, a revision that the wiki does not have on a side stream."""
    event = next(event for event in await wikibase.journal() if entity_of(event) == "Q1")
    unknown = event | {"revision": event["revision"] | {"rev_id": 999_999}}
    source = tmp_path / "changes.ndjson"
    source.write_bytes(b"no event\n" + orjson.dumps(unknown) + b"\n")
    sink = tmp_path / "mutations.ndjson"
    code, stderr = await run(
        f"--source=file:{source}", f"--sink=file:{sink}", f"--state={tmp_path}", *follow_settings(wikibase)
    )
    assert code == 0, stderr
    assert read_lines(sink) == []
    (failure,) = read_lines(tmp_path / "mutations.side.ndjson")
    assert (failure["item"], failure["revision_id"]) == ("Q1", 999_999)
    assert failure["fetch_error_type"] == "ENTITY_NOT_FOUND"
    (error,) = read_lines(tmp_path / "mutations.errors.ndjson")
    assert (error["error_type"], error["raw_event"]) == ("NotJson", "no event")


async def test_wrong_concept_base_is_an_error_at_the_first_entity(wikibase: WikibaseProcess, tmp_path: Path) -> None:
    """The message has the right one, and nothing is published or committed."""
    source, sink = tmp_path / "changes.ndjson", tmp_path / "mutations.ndjson"
    source.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in await wikibase.journal()))
    words = (f"--source=file:{source}", f"--sink=file:{sink}", f"--state={tmp_path}", *follow_settings(wikibase))
    code, stderr = await run(*words, *setting_arguments(rdf__concept_base="https://wrong.example"))
    assert code == 2, stderr
    assert "http://wikibase.example" in stderr
    assert read_lines(sink) == []
    code, stderr = await run(*words)
    assert code == 0, stderr
    assert graphs_of(read_lines(sink)) == await graphs_of_wiki(wikibase)


async def test_failing_wiki_loses_no_change_silently(wikibase: WikibaseProcess, tmp_path: Path) -> None:
    """Overload, reset connections, truncated responses and replica lag: each fetch is retried, or its failure reported."""
    await wikibase.edit(30)
    rules = (
        Rule(faults.HttpStatus(503, {"Retry-After": "1"}), path="EntityData", times=5),
        Rule(faults.HttpStatus(429, {"Retry-After": "1"}), path="EntityData", times=5),
        Rule(faults.ConnectionReset(), path="EntityData", every=9, times=10),
        Rule(faults.TruncatedBody(0.999), path="EntityData", every=17),
        Rule(faults.MissingRevision(asks=1), path="EntityData", every=10),
    )
    await wikibase.set_faults(rules)
    source, sink = tmp_path / "changes.ndjson", tmp_path / "mutations.ndjson"
    source.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in await wikibase.journal()))
    words = (f"--source=file:{source}", f"--sink=file:{sink}", f"--state={tmp_path}", *follow_settings(wikibase))
    code, stderr = await run(*words, *setting_arguments(rdf__acceptable_lag=3))
    assert code == 0, stderr
    await wikibase.set_faults(())
    failed = {failure["item"] for failure in read_lines(tmp_path / "mutations.side.ndjson")}
    published, wanted = graphs_of(read_lines(sink)), await graphs_of_wiki(wikibase)
    entities = published.keys() | wanted.keys()
    assert {entity for entity in entities if published.get(entity) != wanted.get(entity)} <= failed


async def test_loaded_store_is_followed_from_its_revisions(wikibase: WikibaseProcess, tmp_path: Path) -> None:
    """The list of loaded revisions becomes the state; no loaded entity is imported again."""
    loaded = await graphs_of_wiki(wikibase)
    held = current_revisions(await wikibase.journal())
    (tmp_path / "revisions.csv").write_text("".join(f"{entity},{revision}\n" for entity, revision in held.items()))
    bootstrap = (*BOOTSTRAP, str(tmp_path / "revisions.csv"), f"--state={tmp_path}")
    process = await asyncio.create_subprocess_exec(*bootstrap, stderr=asyncio.subprocess.PIPE)
    _, stderr = await process.communicate()
    assert f"holds {len(held)} entities" in stderr.decode()
    source, sink = tmp_path / "changes.ndjson", tmp_path / "mutations.ndjson"
    source.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in await wikibase.edit(60)))
    code, output = await run(
        f"--source=file:{source}", f"--sink=file:{sink}", f"--state={tmp_path}", *follow_settings(wikibase)
    )
    assert code == 0, output
    published = read_lines(sink)
    assert graphs_of(published, loaded) == await graphs_of_wiki(wikibase)
    first = {str(event["entity_id"]): event["operation"] for event in reversed(published)}
    assert {first[entity] for entity in first.keys() & held.keys()} <= {"diff", "delete"}


async def test_wiki_without_events_is_followed_by_its_recent_changes(wikibase: WikibaseProcess, tmp_path: Path) -> None:
    """The changes begin at a time in the past, with a stop and a start in the middle."""
    sink = tmp_path / "mutations.ndjson"
    source = f"recentchanges:{wikibase.url}/w/api.php?since=2020-01-01T00:00:00Z"
    words = ("--source", source, f"--sink=file:{sink}", f"--state={tmp_path}", *follow_settings(wikibase))
    quick = setting_arguments(local__checkpoint_interval=0.2, stream_manager__source__options__poll_interval=0.2)
    for _ in range(2):
        process = Process([*COMMAND, *words, *quick], log=tmp_path / "job.log")
        try:
            await wikibase.edit(30)
            wanted, deadline = await graphs_of_wiki(wikibase), time.monotonic() + TIMEOUT
            while graphs_of(read_lines(sink)) != wanted:
                assert process.is_running, read_tail(process.log)
                assert time.monotonic() < deadline, read_tail(process.log)
                await asyncio.sleep(0.2)
        finally:
            assert process.stop() == 0, read_tail(process.log)


@pytest.fixture
def job(kafka: KafkaBroker, topic: TopicFactory, wikibase: WikibaseProcess, tmp_path: Path) -> KafkaJob:
    """The job over Kafka."""
    return KafkaJob(kafka, topic(), tmp_path, follow_settings(wikibase))


@pytest.mark.fault
@pytest.mark.timeout(900)
async def test_repeatedly_killed_job_publishes_the_graphs_of_the_wiki(
    job: KafkaJob, wikibase: WikibaseProcess, *, long_faults: bool
) -> None:
    """The wiki is edited meanwhile; the kills also hit a start and a checkpoint."""
    kills, edits = (30, 150) if long_faults else (6, 60)
    random = Random(SEED)
    job.append_events(await wikibase.journal())
    for _ in range(kills):
        process = job.start()
        job.append_events(await wikibase.edit(edits))
        await asyncio.sleep(random.uniform(0.3, 2.5))
        assert process.is_running, read_tail(process.log)
        process.kill()
    await job.finish()
    assert graphs_of(job.published) == await graphs_of_wiki(wikibase)
    assert_valid(job.published)


async def test_repeated_and_reordered_changes_lead_to_the_same_graphs(job: KafkaJob, wikibase: WikibaseProcess) -> None:
    """Within the reordering window, the order and the number of repeats do not matter."""
    await wikibase.edit(60)
    events = await wikibase.journal()
    mixed = [*events, *events]
    Random(SEED).shuffle(mixed)
    job.words += setting_arguments(rdf__reordering_window=600)
    job.append_events(mixed)
    await job.finish()
    assert graphs_of(job.published) == await graphs_of_wiki(wikibase)
