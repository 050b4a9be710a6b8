"""The control of a job on an embedded cluster over its REST interface."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from structlog.testing import capture_logs

from wikistate.errors import Domain, EngineError, ErrorLimitError
from wikistate.runners.flink import cluster
from wikistate.runners.flink.cluster import LOG_SETTINGS, RunningJob, free_port, prepare_process, root_cause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyflink.common import JobClient

TRACE = """java.util.concurrent.CompletionException: something went wrong
\tat org.example.Outer.run(Outer.java:1)
Caused by: org.example.Middle: nearer
\t... 3 more
  Caused by: java.io.IOException: the disk is full
\tat org.example.Inner.write(Inner.java:2)
"""

WORKER_TRACE = f"""{TRACE}Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 1: \
Traceback (most recent call last):
  File "worker.py", line 311, in _execute
    response = task()
               ^^^^^^
Exception: ("Error happens inside the class 'Perform'", ValueError('no'))

\tat org.apache.beam.Control.run(Control.java:1)
"""


class Client:
    """A client as the `JobClient` of PyFlink: its result is set when the job ends."""

    def __init__(self) -> None:
        self.execution: Future[object] = Future()

    def get_job_id(self) -> str:
        """Return the id of the job."""
        return "4711"

    def get_job_execution_result(self) -> Future[object]:
        """Return the result, which a thread awaits."""
        return self.execution


class Rest:
    """A REST interface with configured responses that records requests. None is the response for an unknown path."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[], dict[str, Any] | None]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._answering())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Stop: connections are refused from now on."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _answering(self) -> type[BaseHTTPRequestHandler]:
        rest = self

        class Answering(BaseHTTPRequestHandler):
            def answer(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                rest.asked.append((self.command, self.path, orjson.loads(content) if content else None))
                found = rest.answers.get(self.path, lambda: None)()
                body = orjson.dumps(found)
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = answer  # noqa: N815  (names that the server requires)

            def log_message(self, *_: object) -> None:
                pass

        return Answering


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll without a delay."""
    monkeypatch.setattr(cluster, "_POLL_INTERVAL", 0.01)
    monkeypatch.setattr(cluster, "_REST_TIMEOUT", 5.0)


@pytest.fixture
def rest() -> Iterator[Rest]:
    """Yield the REST interface of the cluster."""
    rest = Rest()
    yield rest
    rest.close()


@pytest.fixture
def client() -> Iterator[Client]:
    """Yield a client whose job ends with the test at the latest."""
    client = Client()
    yield client
    if not client.execution.done():
        client.execution.set_result(None)


@pytest.fixture
def job(client: Client, rest: Rest) -> RunningJob:
    """Return the job on the cluster."""
    return RunningJob(cast("JobClient", client), rest.url)


def test_wait_returns_at_the_end_of_the_job(job: RunningJob, client: Client) -> None:
    """A job that has ended in order raises nothing."""
    client.execution.set_result(None)
    assert job.wait(lambda: False)
    job.result()


def test_wait_ends_early_on_request(job: RunningJob) -> None:
    """It then returns that the job has not ended."""
    assert not job.wait(lambda: True)


def test_failed_job_states_its_cause_and_the_log(
    job: RunningJob, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the innermost cause alone; the error of Flink stays attached as the cause."""
    monkeypatch.setenv("FLINK_LOG_DIR", "/state/log")
    client.execution.set_exception(RuntimeError(TRACE))
    assert job.wait(lambda: False)
    with pytest.raises(EngineError) as caught:
        job.result()
    assert caught.value.message == "The Flink job failed: java.io.IOException: the disk is full"
    assert "/state/log" in caught.value.hint
    assert caught.value.domain is Domain.EXTERNAL
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_each_restart_of_a_job_is_logged_once(job: RunningJob, rest: Rest) -> None:
    """With its cause, and later restarts as well."""
    history = [{"timestamp": 1_000, "stacktrace": TRACE}]
    rest.answers["/jobs/4711/exceptions"] = lambda: {"exceptionHistory": {"entries": history}}

    def polled(times: int) -> Callable[[], bool]:
        before = len(rest.asked)
        return lambda: len(rest.asked) >= before + times

    with capture_logs() as logs:
        assert not job.wait(polled(3))
        history.insert(0, {"timestamp": 2_000, "stacktrace": "org.example.Another: trouble"})
        assert not job.wait(polled(3))
    assert [entry["reason"] for entry in logs] == [
        "java.io.IOException: the disk is full",
        "org.example.Another: trouble",
    ]
    assert {entry["log_level"] for entry in logs} == {"warning"}


def test_job_beyond_its_error_limit_is_cancelled(job: RunningJob, client: Client, rest: Rest) -> None:
    """Flink would restart it without end; it ends with the message of the worker."""
    trace = WORKER_TRACE.replace("ValueError('no')", "ErrorLimitError('6 events in a row failed; the limit is 5.')")
    rest.answers["/jobs/4711/exceptions"] = lambda: {
        "exceptionHistory": {"entries": [{"timestamp": 1_000, "stacktrace": trace}]}
    }

    def cancelled() -> dict[str, Any]:
        client.execution.set_exception(RuntimeError("Job was cancelled."))
        return {}

    rest.answers["/jobs/4711?mode=cancel"] = cancelled
    assert job.wait(lambda: False)
    with pytest.raises(ErrorLimitError) as caught:
        job.result()
    assert str(caught.value) == "6 events in a row failed; the limit is 5."


def test_wait_continues_while_the_cluster_does_not_answer(job: RunningJob, client: Client) -> None:
    """The job may still run; its client reports the end."""
    polls: list[None] = []

    def several_polls() -> bool:
        polls.append(None)
        if len(polls) == 20:
            client.execution.set_result(None)
        return False

    with capture_logs() as logs:
        assert job.wait(several_polls)
    assert {entry["log_level"] for entry in logs} == {"debug"}


def test_stop_returns_when_the_job_has_ended(job: RunningJob, client: Client, rest: Rest) -> None:
    """It is requested once, without draining: event time must not jump to its end. The savepoint is polled until then."""
    polls: list[None] = []

    def in_progress() -> dict[str, Any]:
        polls.append(None)
        if len(polls) == 3:
            client.execution.set_result(None)
        return {"status": {"id": "IN_PROGRESS"}, "operation": None}

    rest.answers["/jobs/4711/stop"] = lambda: {"request-id": "s1"}
    rest.answers["/jobs/4711/savepoints/s1"] = in_progress
    job.stop()
    assert rest.asked[0] == ("POST", "/jobs/4711/stop", {"drain": False})
    assert len(rest.asked) == 1 + len(polls)
    job.result()


def test_failed_savepoint_states_its_cause(job: RunningJob, rest: Rest) -> None:
    """The job still runs then; the caller must cancel it."""
    rest.answers["/jobs/4711/stop"] = lambda: {"request-id": "s1"}
    rest.answers["/jobs/4711/savepoints/s1"] = lambda: {
        "status": {"id": "COMPLETED"},
        "operation": {"failure-cause": {"stack-trace": TRACE}},
    }
    with pytest.raises(EngineError, match=r"There is no savepoint: java\.io\.IOException: the disk is full"):
        job.stop()


def test_refused_stop_is_an_error(job: RunningJob) -> None:
    """A job during a restart cannot be stopped with a savepoint."""
    with pytest.raises(EngineError, match=r"does not answer http://127\.0\.0\.1:\d+/jobs/4711/stop: .*404"):
        job.stop()


def test_cluster_that_ends_with_its_job_has_stopped_it(job: RunningJob, client: Client, rest: Rest) -> None:
    """The cluster ends before a poll sees the savepoint, and the end of the job is known a moment later."""
    rest.answers["/jobs/4711/stop"] = lambda: {"request-id": "s1"}
    polled = threading.Event()
    rest.answers["/jobs/4711/savepoints/s1"] = polled.set
    with ThreadPoolExecutor() as threads:
        stop = threads.submit(job.stop)
        assert polled.wait(10)
        client.execution.set_result(None)
        stop.result(10)


def test_job_is_cancelled_over_rest(job: RunningJob, rest: Rest) -> None:
    """By the documented call of Flink."""
    rest.answers["/jobs/4711?mode=cancel"] = dict
    job.cancel()
    assert rest.asked == [("PATCH", "/jobs/4711?mode=cancel", None)]


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        (TRACE, "java.io.IOException: the disk is full"),
        ("org.example.Only: one\n\tat org.example.Place.run(Place.java:1)", "org.example.Only: one"),
        ("", "no reason given"),
    ],
    ids=["nested", "alone", "none"],
)
def test_root_cause_is_the_innermost_message(trace: str, cause: str) -> None:
    """The rest of a Java stack trace is only in the log."""
    assert root_cause(trace) == cause


def test_jvm_is_started_with_the_settings_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of its log exists, Python workers are processes, and the Prometheus reporter is on the class path."""
    monkeypatch.setattr(os, "environ", environment := {"PATH": "/bin"})
    left = tmp_path / "state" / "tmp" / "left-by-a-run-that-was-killed.jar"
    left.parent.mkdir(parents=True)
    left.touch()
    prepare_process(Path("/flink"), Path("/java"), tmp_path / "state")
    assert (tmp_path / "state" / "log").is_dir()
    assert left.parent.is_dir()
    assert not left.exists()
    assert environment == {
        "PATH": "/bin",
        "JAVA_HOME": "/java",
        "JVM_ARGS": f"-Xmx1g -Djava.io.tmpdir={tmp_path / 'state' / 'tmp'}",
        "FLINK_LOG_DIR": str(tmp_path / "state" / "log"),
        "LOG4J_PROPERTIES": str(LOG_SETTINGS),
        "HADOOP_CLASSPATH": "/flink/plugins/metrics-prometheus/*",
        "_python_worker_execution_mode": "process",
    }
    assert LOG_SETTINGS.is_file()


def test_settings_of_the_operator_for_the_jvm_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a larger heap or other log settings."""
    chosen = {"JVM_ARGS": "-Xmx4g", "LOG4J_PROPERTIES": "/etc/log4j.properties"}
    monkeypatch.setattr(os, "environ", environment := dict(chosen))
    prepare_process(Path("/flink"), Path("/java"), tmp_path)
    assert environment.items() >= chosen.items()


def test_free_port_is_free() -> None:
    """A server can use it at once, on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", free_port()), BaseHTTPRequestHandler):
        pass


def test_error_of_a_python_worker_is_the_cause() -> None:
    """The cause is not the Java error that wraps it."""
    assert root_cause(WORKER_TRACE) == """Exception: ("Error happens inside the class 'Perform'", ValueError('no'))"""
