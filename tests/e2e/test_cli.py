"""The command as a process: pipes, compressed files, signals, logs, metrics, and failures of its environment."""

from __future__ import annotations

import asyncio
import gzip
import os
import pty
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.request import urlopen

import orjson
import pytest
import zstandard
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.commands import JOB, TIMEOUT, decode_ndjson, encode_ndjson, run_wikistate, start_command
from tests.e2e.kafka_topics import committed_offsets, produce, read_all, wait_for_commits

from wikistate.demo import corpus, events
from wikistate.telemetry import metrics
from wikistate.testing.faults import Hang, HttpStatus, Rule
from wikistate.testing.wiki import FakeWiki, MemoryDataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.commands import Command
    from tests.support.broker import KafkaBroker

    from wikistate.core.events.meta import Event
    from wikistate.demo.corpus import Corpus

CHANGES = 100


@pytest.fixture(scope="module")
def changes() -> Corpus:
    """Sample of changes."""
    return corpus.compose(changes=CHANGES)


@asynccontextmanager
async def wikis(changes: Corpus) -> AsyncIterator[tuple[FakeWiki, list[str]]]:
    """Serve the wikis of the changes, and yield the options that configure them."""
    async with FakeWiki(MemoryDataset.from_corpus(changes, with_deleted=True)) as wiki:
        yield wiki, ["--set", f"enrich.mediawiki_api_endpoint_template={wiki.url}/w/api.php"]


def ids(events: Iterable[Event]) -> list[str]:
    """Return the sorted ids of events."""
    return sorted(event["meta"]["id"] for event in events)


def ids_with_errors(outputs: Iterable[Event], errors: Iterable[Event]) -> list[str]:
    """Return the sorted ids of the events that outputs and errors together are about."""
    return ids([*outputs, *(orjson.loads(error["raw_event"]) for error in errors)])


def without_canaries(changes: Corpus) -> list[Event]:
    """Return the events that are not canary events."""
    return [event for event in changes.events if event["meta"]["domain"] != "canary"]


async def test_standard_input_to_standard_output_writes_events_and_nothing_else(
    changes: Corpus, tmp_path: Path
) -> None:
    """Logs and figures go to standard error, so that another command can read the output."""
    errors = tmp_path / "errors.ndjson"
    async with wikis(changes) as (_, wiki_options):
        finished = await run_wikistate(
            *JOB,
            *wiki_options,
            "--source",
            "-",
            "--sink",
            "-",
            "--error-sink",
            f"file:{errors}",
            stdin=encode_ndjson(changes.events),
        )
    assert finished.status == 0, finished.err
    outputs = decode_ndjson(finished.out)
    assert {event["meta"]["stream"] for event in outputs} == {"mediawiki.page_content_change.v1"}
    assert ids_with_errors(outputs, decode_ndjson(errors.read_bytes())) == ids(without_canaries(changes))
    assert "events written" in finished.err


@pytest.mark.parametrize(("source", "sink"), [("gz", "zst"), ("zst", "gz")])
async def test_compressed_files_are_read_and_written(source: str, sink: str, changes: Corpus, tmp_path: Path) -> None:
    """The endings of the names choose the compression, also that of the error events beside the output."""
    (tmp_path / f"in.ndjson.{source}").write_bytes(_PACK[source](encode_ndjson(changes.events)))
    async with wikis(changes) as (_, wiki_options):
        endpoints = ("--source", f"in.ndjson.{source}", "--sink", f"file:out.ndjson.{sink}")
        finished = await run_wikistate(*JOB, *wiki_options, *endpoints, folder=tmp_path)
    assert finished.status == 0, finished.err
    outputs, errors = (
        decode_ndjson(_UNPACK[sink]((tmp_path / f"{name}.ndjson.{sink}").read_bytes()))
        for name in ("out", "out.errors")
    )
    assert ids_with_errors(outputs, errors) == ids(without_canaries(changes))


def _unzstd(packed: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()


_PACK = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}
_UNPACK = {"gz": gzip.decompress, "zst": _unzstd}


async def test_log_lines_are_ecs_without_a_terminal(changes: Corpus, tmp_path: Path) -> None:
    """Each line above the figures is a JSON object of the Elastic Common Schema that names the job."""
    (tmp_path / "in.ndjson").write_bytes(encode_ndjson(changes.events[:3]))
    async with wikis(changes) as (_, wiki_options):
        endpoints = ("--source", "in.ndjson", "--sink", "out.ndjson", "--metrics-port", "0")
        finished = await run_wikistate(*JOB, *wiki_options, *endpoints, folder=tmp_path)
    lines = [orjson.loads(line) for line in finished.err.splitlines() if not line.startswith(" ")]
    assert "metrics_served" in [line["message"] for line in lines]
    for line in lines:
        assert {"@timestamp", "log.level", "message", "ecs.version"} <= line.keys()
        assert line["service"]["name"] == "page-content-change"


async def test_terminal_shows_text_and_a_live_line(changes: Corpus, tmp_path: Path) -> None:
    """The terminal shows the log in words, the progress and the figures, and no JSON."""
    (tmp_path / "in.ndjson").write_bytes(encode_ndjson(changes.events[:20]))
    async with wikis(changes) as (_, wiki_options):
        endpoints = ("--source", "in.ndjson", "--sink", "out.ndjson", "--metrics-port", "0")
        status, shown = await asyncio.to_thread(_run_in_terminal, [*JOB, *wiki_options, *endpoints], tmp_path)
    assert status == 0, shown
    assert '{"@timestamp"' not in shown
    for text in ("Metrics are served at http://", "events/s", "events written"):
        assert text in shown
    assert "\x1b[" in shown


def _run_in_terminal(words: list[str], folder: Path) -> tuple[int, str]:
    """Run a command whose standard streams are a terminal, and return its exit status and the terminal's content."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "wikistate", *words]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    shown = bytearray()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment) as process:
        os.close(theirs)
        while piece := _read(ours):
            shown += piece
        status = process.wait()
    os.close(ours)
    return status, shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux reports by an error that no process has the other side open any more
        return b""


async def test_metrics_are_served_under_their_declared_names_with_the_figures_of_the_run(changes: Corpus) -> None:
    """The numbers of records read, dropped, written and failed add up while the job waits, as do the wiki's requests."""
    broken = [b"no event\n", encode_ndjson([events.build_canary(changes.events[0])])]
    async with wikis(changes) as (wiki, wiki_options):
        wiki.set_faults([Rule(HttpStatus(500), times=1)])
        quickly = ("--set", "enrich.retry.base_delay=0.01")
        async with start_command(
            *JOB, *wiki_options, *quickly, "--source", "-", "--sink", "-", "--metrics-port", "0"
        ) as job:
            url = (await job.wait_for_log("metrics_served"))["labels"]["url"]
            await job.write(encode_ndjson(without_canaries(changes)) + b"".join(broken))
            await job.wait_until(lambda job: count_outputs(job) == len(without_canaries(changes)) + 1)
            shown = await asyncio.to_thread(scrape, url)
            finished = await job.stop()
        requests = wiki.request_log.requests
    assert finished.status == 0, finished.err
    errors = len(error_events(job))
    assert shown["wikistate_events_consumed_total"] == {(): len(without_canaries(changes)) + 2}
    assert shown["wikistate_events_produced_total"] == {
        ("sink",): len(without_canaries(changes)) + 1 - errors,
        ("error",): errors,
    }
    assert shown["wikistate_events_filtered_total"] == {("canary",): 1}
    assert shown["wikistate_events_errors_total"][("NotJson",)] == 1
    assert sum(shown["wikistate_events_errors_total"].values()) == errors
    assert sum(shown["wikistate_wiki_requests_total"].values()) == requests
    assert sum(shown["wikistate_wiki_retries_total"].values()) >= 1
    assert shown["wikistate_events_in_flight"] == {(): 0}
    # A pipe has no lag, and most events succeed.
    absent = {metrics.SOURCE_LAG, metrics.MAIN_FAILURE, *metrics.CUSTOM_METRICS, *metrics.GRAPH_METRICS}
    assert set(shown) == {metric.name for metric in metrics.ALL_METRICS if metric not in absent}


def count_outputs(job: Command) -> int:
    """Return the number of records in both outputs together."""
    return len(job.out.splitlines()) + len(error_events(job))


def error_events(job: Command) -> list[Event]:
    """Return the error events among the lines of standard error."""
    return [line for line in job.lines() if "emitter_id" in line]


def scrape(url: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the value of each metric by its label values; for a histogram, the number of observed values."""
    with urlopen(url, timeout=60) as response:
        families = list(text_string_to_metric_families(response.read().decode()))
    shown: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        wanted = f"{name}_count" if family.type == "histogram" else name
        samples = [sample for sample in family.samples if sample.name == wanted]
        shown[name] = {tuple(sample.labels.values()): sample.value for sample in samples}
    return shown


async def test_first_signal_drains_the_job(changes: Corpus, tmp_path: Path) -> None:
    """After Ctrl+C the job waits until the wiki answers again, writes all read events, and ends with exit code 0."""
    async with start_blocked_job(changes, tmp_path, request_timeout=2) as (wiki, job):
        job.send(signal.SIGINT)
        await job.wait_for_log(STOPPING)
        wiki.set_faults([])
        finished = await job.finish()
    assert finished.status == 0, finished.err
    assert "Traceback" not in finished.err
    files = ("out.ndjson", "out.errors.ndjson")
    outputs, errors = (decode_ndjson((tmp_path / name).read_bytes()) for name in files)
    written = ids_with_errors(outputs, errors)
    assert len(written) > 1
    assert written == ids(without_canaries(changes)[: len(written)])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_second_signal_ends_at_once(number: signal.Signals, changes: Corpus, tmp_path: Path) -> None:
    """The job ends before the wiki answers and before the timeouts; the exit code is 130, without a traceback."""
    async with start_blocked_job(changes, tmp_path, request_timeout=3600) as (_, job):
        job.send(number)
        await job.wait_for_log(STOPPING)
        job.send(number)
        finished = await job.finish()
    assert finished.status == 130
    assert "Traceback" not in finished.err


STOPPING = "stop_requested"


@asynccontextmanager
async def start_blocked_job(
    changes: Corpus, folder: Path, *, request_timeout: int
) -> AsyncIterator[tuple[FakeWiki, Command]]:
    """Start a job that sends one request at a time, which is not answered. `request_timeout` is in seconds."""
    (folder / "in.ndjson").write_bytes(encode_ndjson(without_canaries(changes)))
    settings = ("local.drain_timeout=3600", f"enrich.request_timeout={request_timeout}", "farms.own.concurrency=1")
    limits = [word for setting in settings for word in ("--set", setting)]
    endpoints = ("--source", "in.ndjson", "--sink", "out.ndjson")
    async with wikis(changes) as (wiki, wiki_options):
        wiki.set_faults([Rule(Hang())])
        async with start_command(*JOB, *wiki_options, *limits, *endpoints, folder=folder) as job:
            async with asyncio.timeout(TIMEOUT):
                await wiki.wait_for_in_flight(1)
            yield wiki, job


async def test_unreachable_broker_is_an_error_within_a_bound(tmp_path: Path) -> None:
    """The exit code is 4; the message names the address, the reason, the time of the wait, and the setting to check."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    endpoints = ("--source", f"kafka://{address}/in", "--sink", tmp_path / "out.ndjson")
    run, check = await asyncio.gather(run_wikistate(*JOB, *endpoints), run_wikistate(*JOB, *endpoints, "--check"))
    for finished in (run, check):
        assert finished.status == 4
        assert f"Kafka at {address} did not respond within 30 s" in finished.err
        assert "Connection refused" in finished.err
        assert "Check bootstrap_servers" in finished.err
        assert "Traceback" not in finished.err


async def test_missing_topic_is_named_in_the_error(kafka: KafkaBroker, tmp_path: Path) -> None:
    """The exit code is 4, and the message names the topic."""
    endpoints = ("--source", f"kafka://{kafka.bootstrap_servers}/never-made", "--sink", tmp_path / "out.ndjson")
    finished = await run_wikistate(*JOB, *endpoints)
    assert finished.status == 4
    assert "The topic 'never-made' cannot be used" in finished.err


async def test_check_leaves_topics_and_positions_as_they_are(
    kafka: KafkaBroker, topic: TopicFactory, changes: Corpus
) -> None:
    """A check connects to everything, and does not read, write or commit."""
    source, sink, errors = topic(), topic(), topic()
    produce(kafka, source, [orjson.dumps(event) for event in changes.events])
    finished = await run_wikistate(*JOB, *_endpoints(kafka, source, sink, errors), "--check")
    assert finished.status == 0, finished.err
    assert "all connections work" in finished.err
    assert read_all(kafka, sink) == read_all(kafka, errors) == []
    assert committed_offsets(kafka, f"group-{source}") == {}


async def test_check_beside_a_running_job_leaves_it_running(
    kafka: KafkaBroker, topic: TopicFactory, changes: Corpus
) -> None:
    """With ``EXACTLY_ONCE``, a producer that announces a transactional id fences the producer that uses it."""
    source, sink, errors = topic(), topic(), topic()
    exactly_once = ("--set", "stream_manager.sink.options.delivery_guarantee=EXACTLY_ONCE")
    half = len(without_canaries(changes)) // 2
    async with wikis(changes) as (_, wiki_options):
        words = (*_endpoints(kafka, source, sink, errors), *wiki_options, *exactly_once)
        async with start_command(*JOB, *words) as job:
            await job.wait_for_log("partition_assigned")
            produce(kafka, source, [orjson.dumps(event) for event in without_canaries(changes)[:half]])
            checked = await run_wikistate(*JOB, *words, "--check")
            produce(kafka, source, [orjson.dumps(event) for event in without_canaries(changes)[half:]])
            await wait_for_commits(kafka, f"group-{source}", {source: len(without_canaries(changes))})
            finished = await job.stop()
    assert (checked.status, finished.status) == (0, 0), checked.err + finished.err
    outputs, failed = ([orjson.loads(message.value) for message in read_all(kafka, name)] for name in (sink, errors))
    assert ids_with_errors(outputs, failed) == ids(without_canaries(changes))


def _endpoints(kafka: KafkaBroker, source: str, sink: str, errors: str) -> list[str]:
    cluster = f"kafka://{kafka.bootstrap_servers}"
    source_url = f"{cluster}/{source}?group=group-{source}&start=earliest"
    return ["--source", source_url, "--sink", f"{cluster}/{sink}", "--error-sink", f"{cluster}/{errors}"]
