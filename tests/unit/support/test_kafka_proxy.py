"""The proxy in front of a broker, with a server that responds to each request with its correlation id."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import pytest
from tests.support.kafka_proxy import Gate, KafkaProxy, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANOTHER = 3


class Broker:
    """Server that notes the kinds of the requests that it receives."""

    def __init__(self) -> None:
        self.received: list[int] = []

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to the requests of a connection."""
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                kind, _, correlation = struct.unpack_from(">hhi", await reader.readexactly(size))
                self.received.append(kind)
                writer.write(struct.pack(">ii", 4, correlation))
        except (OSError, asyncio.IncompleteReadError):  # the proxy has closed the connection
            writer.close()


class Client:
    """Client of a proxy, with one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: bytes) -> None:
        self._reader, self._writer, self._name = reader, writer, name

    @classmethod
    async def connect(cls, proxy: KafkaProxy, name: bytes = b"producer-1") -> Client:
        """Return a client."""
        return cls(*await asyncio.open_connection("127.0.0.1", proxy.port), name)

    async def ask(self, kind: int, correlation: int = 7) -> int | None:
        """Send a request and return the correlation id of its response; None if the connection breaks."""
        frame = struct.pack(">hhih", kind, 1, correlation, len(self._name)) + self._name
        try:
            self._writer.write(struct.pack(">i", len(frame)) + frame)
            return int(struct.unpack(">ii", await self._reader.readexactly(8))[1])
        except (OSError, asyncio.IncompleteReadError):
            return None

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


async def ask(proxy: KafkaProxy, kind: int, correlation: int = 7, *, name: bytes = b"producer-1") -> int | None:
    """Send a request over a new connection; see `Client.ask`."""
    client = await Client.connect(proxy, name)
    try:
        return await client.ask(kind, correlation)
    finally:
        client.close()


@pytest.fixture
def broker() -> Broker:
    """Return the state of the server."""
    return Broker()


@pytest.fixture
async def proxy(broker: Broker) -> AsyncIterator[KafkaProxy]:
    """Yield a proxy of the server."""
    server = await asyncio.start_server(broker.respond, "127.0.0.1", 0)
    async with server:
        proxy = KafkaProxy(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(proxy.__enter__)
        yield proxy
        await asyncio.to_thread(proxy.__exit__)


async def test_requests_and_responses_pass(broker: Broker, proxy: KafkaProxy) -> None:
    """Without a gate, and with one those of other kinds, and those of the clients of tests."""
    assert await ask(proxy, Request.PRODUCE, 5) == 5
    proxy.arm(Gate(Request.END_TRANSACTION, is_executed=False))
    assert await ask(proxy, Request.PRODUCE, 6) == 6
    assert await ask(proxy, Request.END_TRANSACTION, 8, name=b"rdkafka") == 8
    assert not proxy.is_reached
    assert broker.received == [Request.PRODUCE, Request.PRODUCE, Request.END_TRANSACTION]


@pytest.mark.parametrize("is_executed", [False, True])
async def test_gate_stops_one_request(broker: Broker, proxy: KafkaProxy, *, is_executed: bool) -> None:
    """Its connection breaks before or after the broker executes it, and all traffic waits until the release."""
    proxy.arm(Gate(Request.END_TRANSACTION, is_executed=is_executed))
    assert await ask(proxy, Request.END_TRANSACTION) is None
    assert proxy.is_reached
    waiting = asyncio.ensure_future(ask(proxy, ANOTHER))
    assert not (await asyncio.wait([waiting], timeout=0.2))[0]
    assert broker.received == [Request.END_TRANSACTION] * is_executed
    proxy.release()
    assert await waiting == 7


async def test_cut_breaks_connections_until_it_is_restored(proxy: KafkaProxy) -> None:
    """New connections are refused meanwhile."""
    client = await Client.connect(proxy)
    assert await client.ask(ANOTHER) == 7
    await asyncio.to_thread(proxy.cut)
    assert await client.ask(ANOTHER) is None
    client.close()
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(proxy)
    await asyncio.to_thread(proxy.restore)
    assert await ask(proxy, ANOTHER) == 7
