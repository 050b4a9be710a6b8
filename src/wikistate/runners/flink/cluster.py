"""An embedded Flink cluster in a JVM child process, and the control of a job in it.

The control uses the REST interface of Flink where the calls of PyFlink do not work (its
``JobClient.stop_with_savepoint`` calls a method that Flink 2 no longer has). Source: Apache Flink documentation, "REST
API".
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import orjson
import structlog

from wikistate.adapters.private_files import make_private_folder
from wikistate.errors import EngineError, ErrorLimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyflink.common import JobClient

log = structlog.get_logger(__name__)

LOG_SETTINGS = Path(__file__).with_name("log4j.properties")

_REST_TIMEOUT = 10.0  # seconds for one response of the cluster
_POLL_INTERVAL = 0.5  # seconds between two polls of the state of the job
_POLLS_PER_EXCEPTION_CHECK = 6
_OVER_LIMIT = re.compile(
    rf"{ErrorLimitError.__name__}\((['\"])(.{{1,1000}}?)\1\)"
)  # the form in which PyFlink shows the error of a function
_PYTHON_TRACE = "Traceback (most recent call last):"
_MAX_HEAP = "-Xmx1g"  # enough for a mini-cluster at some thousand events a second


def prepare_process(flink: Path, java_home: Path, folder: Path) -> None:
    """Set the environment variables with which PyFlink starts the JVM, except those that are set already.

    Args:
        flink: The folder of Flink.
        java_home: The folder of Java.
        folder: The folder of the job; ``log`` holds the log of Flink, and ``tmp`` its temporary files.
    """
    logs, scratch = folder / "log", folder / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)  # a killed run leaves tens of megabytes there
    for each in (folder, logs, scratch):  # also snapshots, which Flink writes there, hold events
        make_private_folder(each)
    logging.getLogger("py4j").setLevel(logging.CRITICAL)  # its traces of a lost JVM are less clear than our message
    for name, value in {
        "JAVA_HOME": str(java_home),
        "JVM_ARGS": f"{_MAX_HEAP} -Djava.io.tmpdir={scratch}",
        "FLINK_LOG_DIR": str(logs),
        "LOG4J_PROPERTIES": str(LOG_SETTINGS),
        # Part of the class path as it is. An embedded cluster loads reporters from there and not from plugins.
        "HADOOP_CLASSPATH": str(flink / "plugins" / "metrics-prometheus" / "*"),
        # In separate processes and not in threads of this process, which would share one lock.
        "_python_worker_execution_mode": "process",
    }.items():
        os.environ.setdefault(name, value)


def free_port() -> int:
    """Return a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RunningJob:
    """A submitted job.

    Args:
        client: The client of PyFlink.
        rest: The address of the REST interface of the cluster.
    """

    def __init__(self, client: JobClient, rest: str) -> None:
        self._job = f"{rest}/jobs/{client.get_job_id()}"
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self._cancelled = False
        self._over_limit = ""
        self._last_reported = 0  # time of the newest exception that was logged; milliseconds since the epoch
        threading.Thread(target=self._await_end, args=(client,), daemon=True).start()

    def _await_end(self, client: JobClient) -> None:
        try:
            client.get_job_execution_result().result()
        except Exception as error:  # noqa: BLE001  (`result` raises it to the caller)
            self._failure = error
        self._ended.set()

    def wait(self, until: Callable[[], bool]) -> bool:
        """Wait for the end of the job and return True, or return False as soon as `until` is true.

        Meanwhile the reasons of restarts are logged.
        """
        polls = 0
        while not self._ended.wait(_POLL_INTERVAL):
            if until():
                return False
            polls += 1
            if not polls % _POLLS_PER_EXCEPTION_CHECK:
                self._report_exceptions()
        return True

    def _report_exceptions(self) -> None:
        try:
            for entry in self._call("/exceptions")["exceptionHistory"]["entries"]:
                if (moment := entry["timestamp"]) > self._last_reported:
                    self._last_reported = moment
                    self._report_exception(entry["stacktrace"])
        except EngineError as error:
            log.debug("flink_unavailable", reason=str(error))

    def _report_exception(self, trace: str) -> None:
        if over_limit := _OVER_LIMIT.search(trace):  # Flink would restart it, and it would fail again
            self._over_limit = over_limit[2]
            self.cancel()
        else:
            log.warning("flink_job_restarted", reason=root_cause(trace))

    def result(self) -> None:
        """Raise the failure of a job that has ended. A cancellation by this process is not a failure.

        Raises:
            ErrorLimitError: More events failed than the operator allows.
            EngineError: The job failed.
        """
        if self._over_limit:
            raise ErrorLimitError(self._over_limit)
        if self._failure is not None and not self._cancelled:
            lost = type(self._failure).__name__ in {"Py4JError", "Py4JNetworkError"}  # the JVM is gone
            raise EngineError(
                "Flink's JVM has ended." if lost else f"The Flink job failed: {root_cause(str(self._failure))}",
                hint=f"See the log of Flink in {os.environ['FLINK_LOG_DIR']}.",
            ) from self._failure

    def stop(self) -> None:
        """Stop the job with a savepoint, and return when it has ended. Events in flight are finished first.

        Raises:
            EngineError: There is no savepoint: the job was not running, or could not write it.
        """
        trigger = self._call("/stop", {"drain": False})["request-id"]
        while not self._ended.wait(_POLL_INTERVAL):
            try:
                state = self._call(f"/savepoints/{trigger}")
            except EngineError:
                if self._ended.wait(_REST_TIMEOUT):  # the cluster ended with its job before this poll
                    return
                raise
            failure = (state.get("operation") or {}).get("failure-cause")
            if failure is not None:
                raise EngineError(f"There is no savepoint: {root_cause(failure['stack-trace'])}")

    def cancel(self) -> None:
        """Cancel the job at once; the last checkpoint stays."""
        self._cancelled = True
        self._call("?mode=cancel", method="PATCH")

    def _call(self, path: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> dict[str, Any]:
        content = None if body is None else orjson.dumps(body)
        request = Request(self._job + path, content, {"Content-Type": "application/json"}, method=method)  # noqa: S310  (http, to this machine)
        try:
            with urlopen(request, timeout=_REST_TIMEOUT) as response:  # noqa: S310  (likewise)
                found: dict[str, Any] = orjson.loads(response.read() or b"{}")
        except (URLError, OSError) as error:
            raise EngineError(f"Flink's REST interface does not answer {self._job}{path}: {error}") from error
        return found


def root_cause(trace: str) -> str:
    """Return the innermost message of a Java stack trace, or of the Python traceback in it."""
    lines = trace.splitlines() or ["no reason given"]
    if any(_PYTHON_TRACE in line for line in lines):
        return _python_cause(lines)
    causes = [line.strip().removeprefix("Caused by: ") for line in lines if line.strip().startswith("Caused by: ")]
    return causes[-1] if causes else lines[0]


def _python_cause(lines: Sequence[str]) -> str:
    """Return the error: the last line of a traceback is the first that is not indented."""
    begin = max(place for place, line in enumerate(lines) if _PYTHON_TRACE in line)
    return next((line for line in lines[begin + 1 :] if line and not line[0].isspace()), lines[begin])
