"""content-history-reconcile and a custom enrichment have the same outputs on both runners, also with filters."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.e2e.commands import TIMEOUT
from tests.e2e.kafka_topics import produce, read_all

from wikistate.demo import corpus
from wikistate.testing.wiki.process import WikiProcess

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.broker import KafkaBroker

    from wikistate.core.events.meta import Event

CHANGES = 400
ENRICH = """
from words import SEEN

from wikistate.custom import Skip


async def enrich(event, context):
    if event["page_change_kind"] == "move":
        return Skip("moved")
    if event["page"]["page_id"] % 7 == 0:
        raise LookupError("no sevens")
    enriched = await context.with_content(event)
    return [enriched, enriched | {"comment": SEEN}]
"""
FIRST, END = 40, 360
JOBS = {
    "content-history-reconcile": (),
    "custom": ("--enrich", "written_here:enrich", "--set", "stream_manager.job_name=written-here"),
}
BOUNDS = {
    "content-history-reconcile": f"start=offset:0={FIRST}&end=offset:0={END}",
    "custom": "start=earliest&end=latest",
}
FILTER = ("--set", "filter.namespaces=[0, 1, 6]", "--set", "filter.fields=[page, revision, comment]")


@pytest.mark.parametrize("job", JOBS)
async def test_both_runners_write_the_same(job: str, kafka: KafkaBroker, flink_python: Path, tmp_path: Path) -> None:
    """The events and the errors are the same, except for the times of writing; nothing is missing.

    One of the jobs reads a span of offsets and nothing beyond.
    """
    (tmp_path / "written_here.py").write_text(ENRICH)
    (tmp_path / "words.py").write_text('SEEN = "seen"\n')
    sample = corpus.compose(changes=CHANGES)
    source = kafka.create_topic(f"both-runners.{job}")
    produce(kafka, source, [orjson.dumps(event) for event in sample.events])
    written = []
    async with WikiProcess("--changes", str(CHANGES)) as wiki:
        for runner, python in (("local", sys.executable), ("flink", str(flink_python))):
            sink, errors = (kafka.create_topic(f"both-runners.{job}.{runner}.{name}") for name in ("out", "errors"))
            cluster = f"kafka://{kafka.bootstrap_servers}"
            words = [python, "-m", "wikistate", "run", job, "--runner", runner, *JOBS[job], *FILTER]
            words += ["--source", f"{cluster}/{source}?group={sink}&{BOUNDS[job]}"]
            words += ["--sink", f"{cluster}/{sink}", "--error-sink", f"{cluster}/{errors}"]
            words += ["--set", f"enrich.mediawiki_api_endpoint_template={wiki.url}/w/api.php"]
            await asyncio.to_thread(_run, [*words, "--set", "enrich.retry.acceptable_lag=0.01"], tmp_path)
            written.append((_events(kafka, sink), _errors(kafka, errors)))
    local, flink = written
    assert flink == local
    if "offset" in BOUNDS[job]:
        assert _ids(local) <= {event["meta"]["id"] for event in sample.events[FIRST:END]}
    assert len(local[0]) > CHANGES / 2
    assert {error_type for error_type, _ in local[1]} == (
        {"BadRevision"} if job == "content-history-reconcile" else {"BadRevision", "LookupError"}
    )
    assert all("performer" not in event for event in local[0])


@pytest.mark.parametrize("runner", ["local", pytest.param("flink", marks=pytest.mark.flink)])
def test_too_many_errors_end_a_run(runner: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The exit code and the message state the limit under each runner, though Flink would restart the job."""
    python = sys.executable if runner == "local" else request.getfixturevalue("flink_python")
    poison = tmp_path / "poison.ndjson"
    poison.write_text("no JSON\n" * 50)
    words = [python, "-m", "wikistate", "run", "page-content-change", "--runner", runner, "--source", poison]
    words += ["--sink", tmp_path / "out", "--error-sink", tmp_path / "errors", "--set", "error_limit.in_a_row=5"]
    state = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=state)
    assert done.returncode == 5, done.stderr[-4000:]
    assert "6 events in a row failed; the limit is 5." in done.stderr


def _run(words: Sequence[str], folder: Path) -> None:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def _events(kafka: KafkaBroker, topic: str) -> list[Event]:
    """Return the events of a topic, sorted, without the time of writing."""
    events = [orjson.loads(message.value) for message in read_all(kafka, topic)]
    return sorted((event | {"meta": event["meta"] | {"dt": ""}} for event in events), key=orjson.dumps)


def _ids(written: tuple[list[Event], list[tuple[str, str]]]) -> set[str]:
    events, errors = written
    return {event["meta"]["id"] for event in events} | {orjson.loads(raw)["meta"]["id"] for _, raw in errors}


def _errors(kafka: KafkaBroker, topic: str) -> list[tuple[str, str]]:
    """Return the types and inputs of the error events, sorted; a message may state the age of an event."""
    errors = [orjson.loads(message.value) for message in read_all(kafka, topic)]
    return sorted((error["error_type"], error["raw_event"]) for error in errors)
