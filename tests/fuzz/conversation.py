"""Server that sends recorded responses, byte by byte as they are, to whatever is requested."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from tests.fuzz import sandbox
from tests.fuzz.mutators.http_mutator import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST = b"HOST.invalid"
"""Placeholder of the host and port of the server in recorded responses."""

MAX_REQUESTS = 30
"""Requests that are answered; later connections are closed. The last response repeats."""

_HEAD_END = b"\r\n\r\n"
_MAX_HEAD = 1 << 20


class Conversation:
    """Server of one input. See `serve`.

    Args:
        data: Responses between separators.

    Attributes:
        requests: Heads of the requests.
        url: Address of the server, without a slash at the end.
    """

    def __init__(self, data: bytes) -> None:
        self._answers = data.split(SEPARATOR)
        self.requests: list[bytes] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(_HEAD_END)
            await reader.readexactly(_content_length(head))
            self.requests.append(head)
            if len(self.requests) <= MAX_REQUESTS:
                number = min(len(self.requests), len(self._answers)) - 1
                host = self.url.removeprefix("http://").encode()
                writer.write(complete(self._answers[number].replace(HOST, host)))
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def serve(data: bytes) -> AsyncIterator[Conversation]:
    """Serve responses on a free port of the loopback interface, the only address that may be connected to."""
    conversation = Conversation(data)
    server = await asyncio.start_server(conversation.answer, "127.0.0.1", 0, limit=_MAX_HEAD)
    address: tuple[str, int] = server.sockets[0].getsockname()
    conversation.url = f"http://{address[0]}:{address[1]}"
    sandbox.GUARD.allowed = {address}
    try:
        yield conversation
    finally:
        sandbox.GUARD.allowed = set()
        server.close()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def complete(answer: bytes) -> bytes:
    """Return a response with the length of its body, unless it states one, and without reuse of its connection."""
    head, end, body = answer.partition(_HEAD_END)
    if not end:
        return answer
    names = {line.partition(b":")[0].strip().lower() for line in head.split(b"\r\n")[1:]}
    if not names & {b"content-length", b"transfer-encoding"} and not head.startswith(
        (b"HTTP/1.1 204", b"HTTP/1.1 304")
    ):
        head += b"\r\nContent-Length: %d" % len(body)
    if b"connection" not in names:
        head += b"\r\nConnection: close"
    return head + end + body
