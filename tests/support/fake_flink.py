"""A fake Flink cluster: its REST interface in a thread, and a program ``flink`` that submits jobs to it.

It answers as Flink 2.3 does, including the answers that surprise: a savepoint that failed is ``COMPLETED``, too; an operation
is unknown (404) until its request arrived; a repeated request with the same trigger id starts nothing.
"""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import orjson

_PROGRAM = """#!{python}
import json, sys, urllib.error, urllib.request
body = json.dumps(sys.argv[1:]).encode()
try:
    answer = urllib.request.urlopen(urllib.request.Request("{url}/submit", body))
except urllib.error.HTTPError as error:
    sys.exit(error.read().decode())
print("Job has been submitted with JobID " + answer.read().decode())
"""

_TRACE = "java.lang.Exception: task failed\n\tat a.B.c(B.java:1)\nCaused by: {cause}\n\tat d.E.f(E.java:2)\n"


@dataclass
class FakeJob:
    """A job on the cluster.

    Attributes:
        name: Name.
        start: Number of the submission.
        arguments: Arguments of ``flink run``.
        state: State.
        tasks: State of its one task.
        completed: Number of its completed checkpoints.
        failures: Causes of its failures, newest first.
        checkpoint: Address of its last checkpoint; empty without one.
        savepoint: Address of its last savepoint; empty without one.
    """

    name: str
    start: int
    arguments: list[str] = field(default_factory=list)
    state: str = "RUNNING"
    tasks: str = "RUNNING"
    completed: int = 1
    failures: list[str] = field(default_factory=list)
    checkpoint: str = ""
    savepoint: str = ""


@dataclass
class FakeOperation:
    """An operation by its trigger id.

    Attributes:
        job_id: Job.
        location: Address of the savepoint.
        failure: Cause of its failure; empty for a success.
        pending: Number of answers that it is in progress.
        stops: Whether the job ends with it.
    """

    job_id: str
    location: str
    failure: str
    pending: int
    stops: bool


class FakeFlink:
    """A running fake cluster, a context manager. The attributes may change at any time.

    Args:
        folder: Folder for the program ``flink``.

    Attributes:
        jobs: Jobs by id.
        free_slots: Number of free slots.
        starts: For each following submission the state of its job, for example ``{"state": "RESTARTING"}``; the default is a job
            that runs.
        refusal: Output of ``flink run`` for submissions that it refuses; empty for none.
        lost_requests: Number of following savepoint requests that are lost before they arrive.
        lost_answers: Number of following savepoint requests whose answers are lost.
        savepoint_failure: Cause of the failure of each savepoint; empty for none.
        pending_polls: Number of answers "in progress" of each savepoint.
        outages: Number of following requests that a proxy answers with 503.
        operations: Operations by trigger id.
        disposed: Savepoints that were disposed of.
        cancelled: Ids of the jobs that were cancelled.
    """

    def __init__(self, folder: Path) -> None:
        self.jobs: dict[str, FakeJob] = {}
        self.free_slots = 4
        self.starts: list[dict[str, Any]] = []
        self.refusal = ""
        self.lost_requests = self.lost_answers = self.pending_polls = self.outages = 0
        self.savepoint_failure = ""
        self.operations: dict[str, FakeOperation] = {}
        self.disposed: list[str] = []
        self.cancelled: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _build_handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.program = folder / "flink"
        self.program.write_text(_PROGRAM.format(python=sys.executable, url=self.url))
        self.program.chmod(0o755)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_job(self, name: str, **state: Any) -> str:
        """Add a job and return its id."""
        job_id = uuid4().hex
        self.jobs[job_id] = FakeJob(name, start=len(self.jobs) + 1, **state)
        return job_id

    def active(self) -> list[FakeJob]:
        """Return the jobs that have not ended."""
        return [job for job in self.jobs.values() if job.state not in ("FINISHED", "CANCELED", "FAILED")]

    def submit(self, arguments: list[str]) -> str:
        """Start a job as its arguments say, and return its id. The name is that of the last configuration file."""
        files = [Path(arguments[place + 1]) for place, word in enumerate(arguments) if word == "--config"]
        (name,) = re.findall(r"job_name: (.*)", files[-1].read_text())
        start = self.starts.pop(0) if self.starts else {}
        return self.add_job(name, arguments=arguments, **start)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:  # noqa: PLR0911  (a table)
        """Return the status and the answer of a request. A status of 0 closes the connection."""
        if self.outages:
            self.outages -= 1
            return 503, b"<html><title>no healthy upstream</title></html>"
        if path == "/submit":
            return (500, self.refusal.encode()) if self.refusal else (200, self.submit(body).encode())
        if path == "/overview":
            return 200, {"slots-available": self.free_slots, "slots-total": 8, "taskmanagers": 1}
        if path == "/jobs/overview":
            return 200, {"jobs": [_summarise(job_id, job) for job_id, job in self.jobs.items()]}
        if path == "/savepoint-disposal":
            self.disposed.append(body["savepoint-path"])
            return 202, {"request-id": uuid4().hex}
        if path.startswith("/savepoint-disposal/"):
            return 200, {"status": {"id": "COMPLETED"}, "operation": {}}
        _, _, job_id, *rest = path.split("/")
        if job_id not in self.jobs:
            return 404, {"errors": [f"Job {job_id} not found"]}
        return self._answer_job(method, job_id, rest, body)

    def _answer_job(  # noqa: PLR0911  (a table)
        self, method: str, job_id: str, rest: list[str], body: Any
    ) -> tuple[int, Any]:
        job = self.jobs[job_id]
        match rest:
            case [] if method == "PATCH":
                job.state = "CANCELED"
                self.cancelled.append(job_id)
                return 202, {}
            case []:
                vertex = {"name": "a", "parallelism": 1, "tasks": {job.tasks: 1, "FAILED": 0}}
                return 200, {"jid": job_id, "name": job.name, "state": job.state, "vertices": [vertex]}
            case ["exceptions"]:
                entries = [{"timestamp": 1, "stacktrace": _TRACE.format(cause=cause)} for cause in job.failures]
                return 200, {"exceptionHistory": {"entries": entries, "truncated": False}}
            case ["checkpoints"]:
                return 200, _list_checkpoints(job)
            case ["stop" | "savepoints" as kind]:
                return self._start_savepoint(job_id, body, stops=kind == "stop")
            case ["savepoints", trigger]:
                return self._poll(trigger)
        return 404, {"errors": ["Not found"]}

    def _start_savepoint(self, job_id: str, body: Any, *, stops: bool) -> tuple[int, Any]:
        if self.lost_requests:
            self.lost_requests -= 1
            return 0, None
        folder, trigger = body["targetDirectory" if stops else "target-directory"], body["triggerId"]
        if trigger not in self.operations:  # else it is the same operation
            location = f"{folder}/savepoint-{len(self.operations) + 1}"
            self.operations[trigger] = FakeOperation(
                job_id, location, self.savepoint_failure, self.pending_polls, stops
            )
        if self.lost_answers:
            self.lost_answers -= 1
            return 0, None
        return 202, {"request-id": trigger}

    def _poll(self, trigger: str) -> tuple[int, Any]:
        operation = self.operations.get(trigger)
        if operation is None:
            return 404, {"errors": [f"There is no savepoint operation with triggerId={trigger}"]}
        if operation.pending:
            operation.pending -= 1
            return 200, {"status": {"id": "IN_PROGRESS"}, "operation": None}
        if operation.failure:
            cause = {"class": "a.B", "stack-trace": _TRACE.format(cause=operation.failure)}
            return 200, {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}}
        job = self.jobs[operation.job_id]
        job.savepoint = operation.location
        job.state = "FINISHED" if operation.stops else job.state
        if (folder := operation.location.removeprefix("file://")) != operation.location:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / "_metadata").touch()
        return 200, {"status": {"id": "COMPLETED"}, "operation": {"location": operation.location}}


def _summarise(job_id: str, job: FakeJob) -> dict[str, Any]:
    return {"jid": job_id, "name": job.name, "state": job.state, "start-time": job.start, "end-time": -1}


def _list_checkpoints(job: FakeJob) -> dict[str, Any]:
    def snapshot(path: str, moment: int) -> Any:
        if not path:
            return None
        return {
            "id": moment,
            "status": "COMPLETED",
            "is_savepoint": moment > 1,
            "trigger_timestamp": moment,
            "external_path": path,
            "discarded": False,
        }

    latest = {"completed": snapshot(job.checkpoint, 1), "savepoint": snapshot(job.savepoint, 2), "failed": None}
    return {"counts": {"completed": job.completed, "failed": 0}, "latest": {**latest, "restored": None}, "history": []}


def _build_handler(flink: FakeFlink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            path = self.path.partition("?")[0]
            status, answer = flink.answer(self.command, path, orjson.loads(body) if body else None)
            if status == 0:
                self.close_connection = True
                return
            content = answer if isinstance(answer, bytes) else orjson.dumps(answer)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _respond  # noqa: N815  (names of the base class)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (likewise)
            """Log nothing."""

    return Handler
