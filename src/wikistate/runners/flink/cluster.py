"""A Flink of the process's own: a JVM child with a whole cluster in it, and a job's life there.

Over Flink's REST interface where PyFlink's own calls do not work (its ``JobClient.stop_with_savepoint`` calls a method
that Flink 2 no longer has). Source: Apache Flink documentation, "REST API".
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

from wikistate.errors import EngineError, ErrorLimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyflink.common import JobClient

log = structlog.get_logger(__name__)

LOG_SETTINGS = Path(__file__).with_name("log4j.properties")

_REST_TIMEOUT = 10.0  # seconds for one answer of the cluster
_POLL_INTERVAL = 0.5  # seconds between two looks at what goes on
_POLLS_PER_EXCEPTION_CHECK = 6
_OVER_LIMIT = re.compile(rf"{ErrorLimitError.__name__}\((['\"])(.+?)\1\)")  # as PyFlink shows what a function raised
_PYTHON_TRACE = "Traceback (most recent call last):"
_MAX_HEAP = "-Xmx1g"  # what a mini-cluster needs for some thousand events a second


def prepare_process(flink: Path, java_home: Path, folder: Path) -> None:
    """Sets what PyFlink reads from the environment when it starts the JVM; what the operator has set stays.

    Args:
        flink: Where Flink lies.
        java_home: Where Java lies.
        folder: The job's; Flink's log goes into ``log``, and what it needs for the moment into ``tmp``.
    """
    logs, scratch = folder / "log", folder / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)  # a run that was killed leaves tens of megabytes there
    for each in (logs, scratch):
        each.mkdir(parents=True, exist_ok=True)
    logging.getLogger("py4j").setLevel(logging.CRITICAL)  # its traces of a lost JVM say less than our message
    for name, value in {
        "JAVA_HOME": str(java_home),
        "JVM_ARGS": f"{_MAX_HEAP} -Djava.io.tmpdir={scratch}",
        "FLINK_LOG_DIR": str(logs),
        "LOG4J_PROPERTIES": str(LOG_SETTINGS),
        # Goes onto the class path as it is. A cluster within a process looks for reporters there and not in plugins.
        "HADOOP_CLASSPATH": str(flink / "plugins" / "metrics-prometheus" / "*"),
        # In processes of their own and not in threads of this one, which would share one lock.
        "_python_worker_execution_mode": "process",
    }.items():
        os.environ.setdefault(name, value)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RunningJob:
    """A submitted job.

    Args:
        client: PyFlink's.
        rest: Address of the cluster's REST interface.
    """

    def __init__(self, client: JobClient, rest: str) -> None:
        self._job = f"{rest}/jobs/{client.get_job_id()}"
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self._cancelled = False
        self._over_limit = ""
        self._last_reported = 0  # when the newest trouble happened that was told of; milliseconds since the epoch
        threading.Thread(target=self._await_end, args=(client,), daemon=True).start()

    def _await_end(self, client: JobClient) -> None:
        try:
            client.get_job_execution_result().result()
        except Exception as error:  # noqa: BLE001  (whatever it is, `result` raises it where it is waited for)
            self._failure = error
        self._ended.set()

    def wait(self, until: Callable[[], bool]) -> bool:
        """Returns at the job's end, True, or when `until` says so, False. Says meanwhile why the job was restarted."""
        looks = 0
        while not self._ended.wait(_POLL_INTERVAL):
            if until():
                return False
            looks += 1
            if not looks % _POLLS_PER_EXCEPTION_CHECK:
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
        if over_limit := _OVER_LIMIT.search(trace):  # Flink would start it again, to fail again
            self._over_limit = over_limit[2]
            self.cancel()
        else:
            log.warning("flink_job_restarted", reason=root_cause(trace))

    def result(self) -> None:
        """Says how the job, which has ended, has ended. To be cancelled by us is no failure.

        Raises:
            ErrorLimitError: More events failed than the operator allows.
            EngineError: The job failed.
        """
        if self._over_limit:
            raise ErrorLimitError(self._over_limit)
        if self._failure is not None and not self._cancelled:
            lost = type(self._failure).__name__ in {"Py4JError", "Py4JNetworkError"}  # nobody answers any more
            raise EngineError(
                "Flink's JVM has ended." if lost else f"The Flink job failed: {root_cause(str(self._failure))}",
                hint=f"Flink's log in {os.environ['FLINK_LOG_DIR']} has all of it.",
            ) from self._failure

    def stop(self) -> None:
        """Lets the job finish what is in flight, keeps in a savepoint where it was, and returns when it has ended.

        Raises:
            EngineError: There is no savepoint: the job was not running just then, or could not write it.
        """
        trigger = self._call("/stop", {"drain": False})["request-id"]
        while not self._ended.wait(_POLL_INTERVAL):
            try:
                state = self._call(f"/savepoints/{trigger}")
            except EngineError:
                if self._ended.wait(_REST_TIMEOUT):  # the cluster goes down with its job, sooner than we could look
                    return
                raise
            failure = (state.get("operation") or {}).get("failure-cause")
            if failure is not None:
                raise EngineError(f"There is no savepoint: {root_cause(failure['stack-trace'])}")

    def cancel(self) -> None:
        """Ends the job at once; the last checkpoint stays."""
        self._cancelled = True
        self._call("?mode=cancel", method="PATCH")

    def _call(self, path: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> dict[str, Any]:
        content = None if body is None else orjson.dumps(body)
        request = Request(self._job + path, content, {"Content-Type": "application/json"}, method=method)  # noqa: S310  (http, to ourselves)
        try:
            with urlopen(request, timeout=_REST_TIMEOUT) as answer:  # noqa: S310  (likewise)
                found: dict[str, Any] = orjson.loads(answer.read() or b"{}")
        except (URLError, OSError) as error:
            raise EngineError(f"Flink's REST interface does not answer {self._job}{path}: {error}") from error
        return found


def root_cause(trace: str) -> str:
    """The innermost message of a Java stack trace, or of the Python one in it."""
    lines = trace.splitlines() or ["no reason given"]
    if any(_PYTHON_TRACE in line for line in lines):
        return _python_cause(lines)
    causes = [line.strip().removeprefix("Caused by: ") for line in lines if line.strip().startswith("Caused by: ")]
    return causes[-1] if causes else lines[0]


def _python_cause(lines: Sequence[str]) -> str:
    """What was raised: the line that ends a traceback is the first that is not indented."""
    begin = max(place for place, line in enumerate(lines) if _PYTHON_TRACE in line)
    return next((line for line in lines[begin + 1 :] if line and not line[0].isspace()), lines[begin])
