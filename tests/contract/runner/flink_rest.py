"""A client of the REST interface of Flink for the scenarios (Apache Flink documentation, "REST API")."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import orjson
from tests.contract.runner.runs import wait_until


class FlinkRest:
    """A cluster that runs one job.

    Args:
        port: The port of its REST interface on loopback.
    """

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    @property
    def job(self) -> str:
        """The path of the running job."""
        (job,) = (each["id"] for each in self._get("/jobs")["jobs"] if each["status"] == "RUNNING")
        return f"/jobs/{job}"

    def is_checkpointing(self) -> bool:
        """Return whether a checkpoint of a running job is in progress."""
        running = [each["id"] for each in self._get("/jobs")["jobs"] if each["status"] == "RUNNING"]
        return any(self._get(f"/jobs/{job}/checkpoints")["counts"]["in_progress"] for job in running)

    def stop_with_savepoint(self) -> str:
        """Stop the job and return the address of its savepoint."""
        job = self.job
        trigger = self._call(f"{job}/stop", {"drain": False})["request-id"]
        answers: list[dict[str, Any]] = []

        def completed() -> bool:
            answers.append(self._get(f"{job}/savepoints/{trigger}"))
            return bool(answers[-1]["status"]["id"] == "COMPLETED")

        wait_until(completed, lambda: f"no savepoint: {answers[-1]}")
        location: str = answers[-1]["operation"]["location"]
        return location

    def parallelism(self) -> dict[str, int]:
        """Return the number of subtasks of each task, by its name."""
        return {each["name"]: each["parallelism"] for each in self._vertices()}

    def metrics(self, name: str) -> dict[str, int]:
        """Return the metrics of all subtasks whose last part is this name."""
        found: dict[str, int] = {}
        for vertex in self._vertices():
            path = f"{self.job}/vertices/{vertex['id']}/subtasks/metrics"
            names = [each["id"] for each in self._get(path) if each["id"].split(".")[-1] == name]
            asked = quote(",".join(names))
            for each in self._get(f"{path}?get={asked}&agg=sum") if names else []:
                found[f"{vertex['id']}.{each['id']}"] = int(each["sum"])
        return found

    def _vertices(self) -> list[dict[str, Any]]:
        vertices: list[dict[str, Any]] = self._get(self.job)["vertices"]
        return vertices

    def _get(self, path: str) -> Any:
        with urlopen(self._url + path) as answer:
            return orjson.loads(answer.read())

    def _call(self, path: str, body: dict[str, object]) -> Any:
        request = Request(self._url + path, orjson.dumps(body), {"Content-Type": "application/json"})
        with urlopen(request) as answer:
            return orjson.loads(answer.read())
