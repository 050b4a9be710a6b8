"""A server on a loopback address of its own that records each byte which clients send, and forwards to another server."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class RecordingProxy:
    """Proxy for any protocol over TCP. An asynchronous context manager.

    Args:
        host: Loopback address to listen on.
        backend: Origin of the server that answers; empty for 404.

    Attributes:
        received: The bytes of each connection.
    """

    def __init__(self, host: str, backend: str = "") -> None:
        self.received: list[bytearray] = []
        self._host = host
        self._backend = backend
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self._host}:{self._server.sockets[0].getsockname()[1]}"

    @property
    def origin(self) -> str:
        """Origin of its HTTP URLs."""
        return f"http://{self.address}"

    @property
    def record(self) -> bytes:
        """All received bytes."""
        return b"\n".join(self.received)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self._host, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.close()
            self._connections.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received.append(recorded := bytearray())
        if not self._backend:
            recorded += await reader.read(65_536)
            writer.write(_NOT_FOUND)
            await writer.drain()
            return
        backend = urlsplit(self._backend)
        answers, requests = await asyncio.open_connection(backend.hostname, backend.port)
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(_pump(reader, requests, recorded)),
                    asyncio.ensure_future(_pump(answers, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            requests.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, recorded: bytearray | None = None) -> None:
    with suppress(ConnectionError):
        while piece := await source.read(65_536):
            if recorded is not None:
                recorded += piece
            target.write(piece)
            await target.drain()
