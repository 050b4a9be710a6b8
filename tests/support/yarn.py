"""A real YARN with HDFS, one node each in one process, for tests of jobs that run in its containers."""

from __future__ import annotations

import os
import shlex
import socket
from typing import TYPE_CHECKING, Self
from xml.sax.saxutils import escape

from tests.support.jars import declared_jars
from tests.support.java import fetch_complete_java
from tests.support.processes import Process, find_free_port, read_tail

from wikistate.ops.jars import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MEMORY = 6144
"""Megabytes of all containers together."""

_START_TIMEOUT = 180.0  # seconds; 10 are usual on two cores
_MAIN = "org.apache.hadoop.mapreduce.MiniHadoopClusterManager"
_OPENED = ("java.lang", "java.net", "java.util", "java.util.concurrent")
_JAVA_OPTIONS = [
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
]

_COMMAND = """\
#!/bin/sh
# The command of Hadoop, for the cluster of a test.
case "$1" in
  classpath) echo {class_path}; exit ;;
  application) main=org.apache.hadoop.yarn.client.cli.ApplicationCLI ;;
  logs) main=org.apache.hadoop.yarn.client.cli.LogsCLI; shift ;;
  dfs) main=org.apache.hadoop.fs.FsShell; shift ;;
  *) echo "no such command: $1" >&2; exit 1 ;;
esac
exec {java} {options} -cp {class_path} "$main" "$@"
"""


class YarnCluster:
    """Cluster without security of its own. Containers run as the user of this process, and find its Java.

    Args:
        folder: Folder of its data, settings and log. It must be empty or not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.java_home = fetch_complete_java()
        """Home of the Java of the cluster and of its containers."""
        self._settings = folder / "conf"
        self._libraries = folder / "lib"
        self._name_node = f"localhost:{find_free_port()}"
        self._resource_manager = f"localhost:{find_free_port()}"
        self._process: Process | None = None

    @property
    def file_system(self) -> str:
        """Address of HDFS."""
        return f"hdfs://{self._name_node}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a client: the settings, and the commands `hadoop`, `hdfs` and `yarn` on its path."""
        return {
            "HADOOP_CONF_DIR": str(self._settings),
            "JAVA_HOME": str(self.java_home),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }

    def read_container_logs(self) -> str:
        """Return the end of each log of the containers, for an error message."""
        logs = sorted(self.folder.rglob("container_*/*.log"))
        return "\n".join(f"{log}:\n{read_tail(log)}" for log in logs)

    def __enter__(self) -> Self:
        """Start the cluster. Raises `PartError`."""
        self._libraries.mkdir(parents=True)
        for jar in fetch(declared_jars("hadoop-minicluster")):
            (self._libraries / jar.name).symlink_to(jar)
        settings = self._build_settings()
        self._write_settings(settings)
        self._write_commands()
        command: list[str | Path] = [
            self.java_home / "bin" / "java",
            *_JAVA_OPTIONS,
            f"-Dtest.build.data={self.folder / 'data'}",
            "-cp",
            self._class_path,
        ]
        ports = ["-nnport", _port(self._name_node), "-nnhttpport", "0", "-rmport", _port(self._resource_manager)]
        details = self.folder / "started.json"
        words = [word for name, value in settings.items() for word in ("-D", f"{name}={value}")]
        self._process = Process(
            [*command, _MAIN, "-format", *ports, *words, "-writeDetails", details],
            log=self.folder / "yarn.log",
            environment=self.environment,
            folder=self.folder,
        )
        self._process.wait_until(lambda: details.exists() and self._listens(), within=_START_TIMEOUT)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stop()

    @property
    def _class_path(self) -> str:
        return f"{self._settings}:{self._libraries}/*"

    def _build_settings(self) -> dict[str, str]:
        """Return the settings of servers and clients: each address is on loopback, and the ports are free."""
        addresses = ("scheduler.address", "resource-tracker.address", "admin.address", "webapp.address")
        history = ("address", "admin.address", "webapp.address")
        return {
            "fs.defaultFS": self.file_system,
            "dfs.replication": "1",
            "yarn.resourcemanager.address": self._resource_manager,
            **{f"yarn.resourcemanager.{name}": f"localhost:{find_free_port()}" for name in addresses},
            **{f"mapreduce.jobhistory.{name}": f"localhost:{find_free_port()}" for name in history},
            "yarn.minicluster.yarn.nodemanager.resource.memory-mb": str(MEMORY),
            "yarn.scheduler.minimum-allocation-mb": "256",
            "yarn.scheduler.capacity.maximum-am-resource-percent": "1.0",
            "yarn.nodemanager.vmem-check-enabled": "false",
            "yarn.nodemanager.disk-health-checker.enable": "false",
            "yarn.log-aggregation-enable": "true",
            "yarn.nodemanager.remote-app-log-dir": f"{self.file_system}/logs",
            # Without its settings an application asks for containers at the default address, and waits for ever.
            "yarn.application.classpath": f"{self._settings},{self._libraries}/*",
        }

    def _write_settings(self, settings: Mapping[str, str]) -> None:
        self._settings.mkdir()
        lines = [
            f"<property><name>{name}</name><value>{escape(value)}</value></property>"
            for name, value in settings.items()
        ]
        content = "\n".join(["<configuration>", *lines, "</configuration>", ""])
        for name in ("core-site.xml", "hdfs-site.xml", "yarn-site.xml"):
            (self._settings / name).write_text(content)

    def _write_commands(self) -> None:
        folder = self.folder / "bin"
        folder.mkdir()
        content = _COMMAND.format(
            class_path=shlex.quote(self._class_path),
            java=self.java_home / "bin" / "java",
            options=shlex.join(_JAVA_OPTIONS),
        )
        for name in ("hadoop", "hdfs", "yarn"):
            (folder / name).write_text(content)
            (folder / name).chmod(0o755)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("localhost", int(_port(self._resource_manager))), timeout=1).close()
        except OSError:
            return False
        return True


def _port(address: str) -> str:
    return address.rpartition(":")[2]
