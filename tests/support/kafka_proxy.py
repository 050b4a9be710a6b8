"""A proxy in front of a Kafka broker that stops a chosen request of a client, or the whole network.

Source of the layout of requests and responses: Apache Kafka documentation, "Kafka protocol guide".
"""

from __future__ import annotations

import asyncio
import struct
import threading
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from tests.support.broker import KafkaBroker
from tests.support.processes import find_free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path
    from typing import Any

_T = TypeVar("_T")
_SIZE = struct.Struct(">i")
_REQUEST = struct.Struct(">hhih")  # the request, its version, the correlation id, the length of the client id
_RESPONSE = struct.Struct(">i")  # the correlation id
_TIMEOUT = 120.0  # seconds
_LIBRDKAFKA = "rdkafka"
"""Client id of the clients of tests."""


class Request(IntEnum):
    """Kind of a request."""

    PRODUCE = 0
    END_TRANSACTION = 26


class Gate(NamedTuple):
    """Request that is stopped.

    Attributes:
        request: The kind of the request.
        is_executed: Whether the broker executes it, and only its response is lost.
    """

    request: Request
    is_executed: bool


class KafkaProxy:
    """Proxy of one broker, in a thread.

    A gate breaks the connection of the first request of its kind from any client but librdkafka, and holds back all traffic
    from then on, so that no client can repeat the request.

    Args:
        port: The port of the broker on loopback.
    """

    def __init__(self, port: int) -> None:
        self.port = find_free_port()
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka-proxy")
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate: Gate | None = None
        self._reached = threading.Event()
        self._flow = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self.restore()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TIMEOUT)
        self._loop.close()

    def restore(self) -> None:
        """Accept connections and pass all traffic."""
        self._await(self._listen())

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        self._await(self._close())

    def arm(self, gate: Gate) -> None:
        """Stop the next request of this kind."""
        self._reached.clear()
        self._gate = gate

    def release(self) -> None:
        """Pass all traffic again after a request was stopped."""
        self._loop.call_soon_threadsafe(self._flow.set)

    @property
    def is_reached(self) -> bool:
        """Whether a request was stopped since `arm`."""
        return self._reached.is_set()

    def _await(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT)

    async def _listen(self) -> None:
        self._flow.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()  # which closes its connections
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):  # a side has closed the connection
                await self._connect(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except BaseException:
            writer.close()
            raise
        awaited: set[int] = set()
        pumps = [
            asyncio.ensure_future(self._pump(reader, broker_writer, lambda frame: self._stops_request(frame, awaited))),
            asyncio.ensure_future(
                self._pump(broker_reader, writer, lambda frame: self._stops_response(frame, awaited))
            ),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.close()
            broker_writer.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    def _stops_request(self, frame: bytes, awaited: set[int]) -> bool:
        """Return whether a request is stopped; note the id of the response that will be."""
        if self._gate is None:
            return False
        kind, _, correlation, length = _REQUEST.unpack_from(frame)
        client = frame[_REQUEST.size :][: max(0, length)].decode()
        if kind != self._gate.request or client == _LIBRDKAFKA:
            return False
        if self._gate.is_executed:
            awaited.add(correlation)
            return False
        return self._reach()

    def _stops_response(self, frame: bytes, awaited: set[int]) -> bool:
        return bool(awaited) and _RESPONSE.unpack_from(frame)[0] in awaited and self._reach()

    def _reach(self) -> bool:
        """Return whether this is the first request at the gate."""
        if self._gate is None:
            return False
        self._gate = None
        self._flow.clear()
        self._reached.set()
        return True

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stops: Callable[[bytes], bool]
    ) -> None:
        """Pass the frames of one direction until one is stopped."""
        while True:
            size = await reader.readexactly(_SIZE.size)
            frame = await reader.readexactly(_SIZE.unpack(size)[0])
            await self._flow.wait()
            if stops(frame):
                return
            writer.write(size + frame)
            await writer.drain()


class ProxiedBroker(KafkaBroker):
    """Broker with a second listener behind a proxy.

    Args:
        folder: As for `KafkaBroker`.
        settings: Further broker settings.

    Attributes:
        proxy: The proxy.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, settings=settings)
        port = find_free_port()
        self.proxy = KafkaProxy(port)
        for name, address in (("listeners", port), ("advertised.listeners", self.proxy.port)):
            self._settings[name] += f",PROXIED://127.0.0.1:{address}"
        self._settings["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"

    @property
    def proxied_servers(self) -> str:
        """Bootstrap servers for clients behind the proxy."""
        return f"127.0.0.1:{self.proxy.port}"

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        return super().__enter__()

    def __exit__(self, *exit_: object) -> None:
        super().__exit__(*exit_)
        self.proxy.__exit__(*exit_)
