"""A real Kafka broker in KRaft mode, for tests and for local work."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import uuid
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.support.jars import declared_jars
from tests.support.java import java_home
from tests.support.processes import Process, find_free_port, read_tail

from wikistate.errors import PartError
from wikistate.ops.jars import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MAX_MESSAGE_BYTES = 100 * 1024 * 1024
"""Maximum message size in bytes, far above that of the largest wiki page, so that tests reach the client limits first."""

_START_TIMEOUT = 90.0  # seconds; 5 are usual on two cores
_METADATA_TIMEOUT = 2.0  # seconds for one metadata request while waiting


class KafkaBroker:
    """Kafka broker that is also the controller, on two ports of the loopback interface.

    It keeps its ports and its data: after `stop` or `kill`, `start` runs it again at the same address. Topics are not
    created automatically. Records are never deleted because of their age: retention depends on the timestamps of the
    records, and test events are years old.

    Args:
        folder: Folder of its data, settings and log. No other broker may use it.
        heap: Maximum heap in the notation of the JVM.
        settings: Further broker settings.
        java: Home of its Java; None for that of `java_home`.
        java_options: Further options of the JVM.
    """

    def __init__(
        self,
        folder: Path,
        *,
        heap: str = "512m",
        settings: Mapping[str, str] | None = None,
        java: Path | None = None,
        java_options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.log = folder / "broker.log"
        self._heap = heap
        self._java_home = java or java_home()
        self._java_options = java_options
        self._settings_file = folder / "server.properties"
        self._port, self._controller_port = find_free_port(), find_free_port()
        self._settings = {**_build_settings(folder, self._port, self._controller_port), **(settings or {})}
        self._process: Process | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Bootstrap servers for clients."""
        return f"127.0.0.1:{self._port}"

    @property
    def is_running(self) -> bool:
        """Whether its process is running."""
        return self._process is not None and self._process.is_running

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the broker and wait until it leads all its partitions. Do nothing if it is running.

        The call blocks for some seconds: a test with a running event loop calls it by `asyncio.to_thread`.

        Raises:
            PartError: Java or the jars are not available, or the broker does not start; shows the end of its log.
        """
        if self.is_running:
            return
        class_path = ":".join(map(str, fetch(declared_jars("kafka-broker"))))
        if not self._settings_file.exists():
            self._format(class_path)
        self._process = Process([*self._java(class_path), "kafka.Kafka", self._settings_file], log=self.log)
        self._process.wait_until(self._leads_all_partitions, within=_START_TIMEOUT)

    def stop(self) -> None:
        """Stop the broker: it hands over its partitions, writes the file of a clean shutdown and exits."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Kill the broker, as a power failure would."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Suspend the broker: connections stay open without responses."""
        if self._process is not None:
            self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the broker after `pause`."""
        if self._process is not None:
            self._process.send(signal.SIGCONT)

    def create_topic(self, name: str, *, partitions: int = 1, settings: Mapping[str, str] | None = None) -> str:
        """Create a topic, wait until all its partitions are writable, and return its name.

        Raises:
            PartError: The broker rejects it, for example because it exists.
        """
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(settings or {}))
        admin = self._make_admin()  # a reference is necessary: without its client the response is dropped
        try:
            admin.create_topics([topic])[name].result()
        except KafkaException as error:
            raise PartError(f"The topic {name!r} cannot be created: {error.args[0].str()}", topic=name) from error
        self._require_process().wait_until(lambda: self._leads_partitions(name), within=_START_TIMEOUT)
        return name

    def _format(self, class_path: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._settings_file.write_text("".join(f"{key}={value}\n" for key, value in self._settings.items()))
        # The first byte is fixed, so that the id never begins with a hyphen, which marks an option.
        cluster = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        command = [
            *self._java(class_path),
            "kafka.tools.StorageTool",
            "format",
            "-t",
            cluster,
            "-c",
            self._settings_file,
        ]
        with self.log.open("ab") as log:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
        if status != 0:
            self._settings_file.unlink()
            raise PartError(f"Kafka could not prepare {self.folder} (status {status}):\n{read_tail(self.log)}")

    def _java(self, class_path: str) -> list[str | Path]:
        # With the serial collector and only the first compiler it starts in half the time on two cores.
        flags = ["-Xms64m", f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *self._java_options]
        return [
            self._java_home / "bin" / "java",
            *flags,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            class_path,
        ]

    def _make_admin(self) -> AdminClient:
        # Without logs: failed connections are expected until the broker listens.
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})

    def _leads_all_partitions(self) -> bool:
        return self._leads_partitions(None)

    def _leads_partitions(self, topic: str | None) -> bool:
        try:
            metadata = self._make_admin().list_topics(topic, timeout=_METADATA_TIMEOUT)
        except KafkaException:
            return False
        partitions = [part for found in metadata.topics.values() for part in found.partitions.values()]
        return len(metadata.brokers) == 1 and all(part.leader >= 0 for part in partitions)

    def _require_process(self) -> Process:
        if self._process is None:
            raise PartError("The broker was not started.", hint="Call `start` first.")
        return self._process


def _build_settings(folder: Path, port: int, controller_port: int) -> dict[str, str]:
    """Return the documented broker settings of Kafka for one node, with limits above the size of any test event."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": os.fspath(folder / "data"),
        # A killed broker can register again only when its old session has expired, after 9 s by default.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "log.retention.ms": "-1",
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
        "socket.request.max.bytes": str(2 * MAX_MESSAGE_BYTES),
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
