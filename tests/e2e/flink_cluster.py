"""A Flink session cluster of processes: a JobManager, a TaskManager and ``flink run``, all from the pip package."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import orjson
import yaml
from tests.support.jars import declared_jars
from tests.support.java import java_home
from tests.support.processes import Process, find_free_port
from tests.support.s3_store import KEY_ID, SECRET_KEY

from wikistate.ops.jars import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TIMEOUT = 120.0
"""Seconds within which each step of a cluster must finish: the machine may be busy with other tests."""


class SessionCluster:
    """A cluster of one TaskManager with one slot. All its files lie in one folder.

    Args:
        python: Interpreter of the environment that has PyFlink.
        folder: Folder for settings, logs, checkpoints and savepoints.
        s3_endpoint: URL of an S3 store for which the cluster has Flink's plugin; empty for none.
    """

    def __init__(self, python: Path, folder: Path, *, s3_endpoint: str = "") -> None:
        (self._home,) = python.parents[1].glob("lib/python3.*/site-packages/pyflink")
        self.folder = folder
        """Folder of the files."""
        self.python = python
        """Interpreter with PyFlink."""
        self.port = find_free_port()
        """Port of the REST interface on loopback."""
        self.savepoints = folder / "savepoints"
        self._environment = {
            "FLINK_HOME": str(self._home),
            "FLINK_CONF_DIR": str(folder / "conf"),
            "FLINK_LOG_DIR": str(folder),
            "JAVA_HOME": str(java_home()),
            "FLINK_PLUGINS_DIR": str(folder / "plugins"),
        }
        self._s3_endpoint = s3_endpoint
        self._parts: dict[str, Process] = {}

    def __enter__(self) -> Self:
        self._write_settings()
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for part in reversed(self._parts.values()):
            part.stop()

    @property
    def flink_logs(self) -> Path:
        """The folder of its logs; see `HasFlinkLogs`."""
        return self.folder

    def start(self) -> None:
        """Start both parts, and wait for the slot. They were not started, or killed."""
        self._start_part("jobmanager")
        self.start_taskmanager()
        self._parts["taskmanager"].wait_until(lambda: self._count_free_slots() == 1, within=TIMEOUT)

    def start_taskmanager(self) -> None:
        """Start the TaskManager; a job that has lost the one before takes its slot at once."""
        self._start_part("taskmanager")

    def _start_part(self, part: str) -> None:
        self._parts[part] = self._start(part, "start-foreground", script=f"{part}.sh")

    def kill_taskmanager(self) -> None:
        """Kill the TaskManager with its Python workers."""
        self._parts["taskmanager"].kill()

    def kill(self) -> None:
        """Kill both parts with all their processes."""
        for part in self._parts.values():
            part.kill()

    @property
    def taskmanager(self) -> int:
        """Id of the process group of the TaskManager and its Python workers."""
        return self._parts["taskmanager"].pid

    def submit(self, *words: str | Path, job: Sequence[str | Path]) -> str:
        """Run ``flink run`` with these options, detached, and return its output.

        Args:
            words: Options of ``flink run``.
            job: The command line of ``wikistate``.
        """
        command = [self._home / "bin" / "flink", *self._run("-d", *words, job=job)]
        done = subprocess.run(
            command,
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def attach(self, *words: str | Path, job: Sequence[str | Path]) -> Process:
        """Submit as `submit` does, but not detached: the process lives as long as the job."""
        return self._start("client", *self._run(*words, job=job), script="flink")

    def get(self, path: str) -> Any:
        """Return the response of the REST interface."""
        with urlopen(f"http://127.0.0.1:{self.port}{path}") as response:
            return orjson.loads(response.read())

    def _run(self, *words: str | Path, job: Sequence[str | Path]) -> list[str | Path]:
        python = ("-pyclientexec", self.python, "-pyexec", self.python)
        return ["run", *words, *python, "-pym", "wikistate", *job]

    def _start(self, name: str, *words: str | Path, script: str) -> Process:
        command = [self._home / "bin" / script, *words]
        return Process(command, log=self.folder / f"{name}.log", environment=self._environment)

    def _count_free_slots(self) -> int:
        try:
            slots: int = self.get("/overview")["slots-available"]
        except URLError:  # it does not listen yet
            return 0
        return slots

    def _write_settings(self) -> None:
        given = self._home / "conf"
        folder = self.folder / "conf"
        folder.mkdir()
        for file in given.glob("log4j*"):
            (folder / file.name).write_bytes(file.read_bytes())
        settings = {
            "env": yaml.safe_load((given / "config.yaml").read_text())["env"],  # opens Java's modules to Flink
            "rest.address": "127.0.0.1",
            "rest.port": self.port,
            "rest.bind-port": str(self.port),
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": find_free_port(),
            "jobmanager.memory.process.size": "1024m",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.memory.process.size": "2048m",
            # Each submission loads the classes of Flink's Python again; a test submits several.
            "taskmanager.memory.jvm-metaspace.size": "768m",
            "taskmanager.numberOfTaskSlots": 1,
            "execution.checkpointing.dir": (self.folder / "checkpoints").as_uri(),
            "execution.checkpointing.savepoint-dir": self.savepoints.as_uri(),
            "metrics.fetcher.update-interval": 500,
            **self._install_s3_plugin(),
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))

    def _install_s3_plugin(self) -> dict[str, str]:
        """Install Flink's plugin for S3 stores as an operator does, in a folder of its own, and return its settings."""
        (plugins := self.folder / "plugins").mkdir()
        if not self._s3_endpoint:
            return {}
        (jar,) = fetch(declared_jars("flink-s3-plugin"))
        (plugins / "s3-fs-hadoop").mkdir()
        (plugins / "s3-fs-hadoop" / jar.name).symlink_to(jar)
        return {
            "s3.endpoint": self._s3_endpoint,
            "s3.path.style.access": "true",
            "s3.access-key": KEY_ID,
            "s3.secret-key": SECRET_KEY,
        }
