"""A server of server-sent events with the faults of public servers: `SseServer`."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson
from aiohttp import web

from wikistate.core.events.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

_FULL_MINUTE = 60_000


class SseEvent(NamedTuple):
    """Event on the server: its data and its position.

    Attributes:
        data: Bytes as they are sent; a line feed in them makes two data lines.
        topic: Topic of the event; each topic has one partition.
        offset: Offset in the topic, from 0.
        timestamp: Milliseconds since the epoch.
    """

    data: bytes
    topic: str
    offset: int
    timestamp: int


class OddAnswer(NamedTuple):
    """Answer of something else than the server of streams, such as a proxy: see `SseServer.answer_oddly`."""

    status: int = 200
    body: bytes = b"<!DOCTYPE html><title>Maintenance</title>"
    content_type: str = "text/html"
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SseConditions:
    """Conditions under which the server sends events.

    Attributes:
        cut_after: Number of events after which a connection is dropped in the middle of the next event; None for never.
        repeat: Number of events before the requested position that are sent again.
        heartbeat: One event in so many has a comment before, inside and behind it; 0 for none.
        refuse_statuses: Status codes of the first responses, one for each connection.
        retry_after: ``Retry-After`` of these responses, in seconds.
        timestamps: Give positions by timestamp instead of offset, as the servers of Wikimedia do.
        line_ending: Bytes between lines.
        chunk: Bytes that are sent at once; 0 for whole events.
        separate_members: Compress each event as a gzip member of its own.
        byte_order_mark: Send a byte order mark before the first event of each connection.
    """

    cut_after: int | None = None
    repeat: int = 0
    heartbeat: int = 0
    refuse_statuses: Sequence[int] = ()
    retry_after: int | None = None
    timestamps: bool = False
    line_ending: bytes = b"\n"
    chunk: int = 0
    separate_members: bool = False
    byte_order_mark: bool = False


@dataclass(slots=True)
class SseConnection:
    """Connection of a client.

    Attributes:
        last_event_id: Decoded header ``Last-Event-ID``; None without it.
        since: Parameter ``since``.
    """

    last_event_id: list[dict[str, Any]] | None
    since: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


class SseServer:
    """Server of streams under ``/v2/stream/NAMES``, from memory and in the event loop of the caller.

    It is an asynchronous context manager and serves until the block ends.

    Args:
        streams: The topics of each stream.
        conditions: Conditions of the server; they may be changed during the run.
    """

    def __init__(self, streams: Mapping[str, Sequence[str]], conditions: SseConditions | None = None) -> None:
        self.conditions = conditions or SseConditions()
        self.connections: list[SseConnection] = []
        self.events: list[SseEvent] = []
        self._streams = streams
        self._odd_answers: deque[OddAnswer] = deque()
        self._appended = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._runner = web.AppRunner(self._application(), shutdown_timeout=0.1)

    @property
    def base(self) -> str:
        """URL to which the names of streams are appended."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v2/stream/"

    def append(self, topic: str, data: bytes, *, timestamp: int | None = None) -> SseEvent:
        """Append an event to a topic; by default a second after the previous event, so that positions increase."""
        offset = sum(item.topic == topic for item in self.events)
        if timestamp is None:
            timestamp = self.events[-1].timestamp + 1000 if self.events else _FULL_MINUTE
        item = SseEvent(data, topic, offset, timestamp)
        self.events.append(item)
        self._appended.set()
        return item

    def answer_oddly(self, *answers: OddAnswer) -> None:
        """Give these answers to the next connections, one to each."""
        self._odd_answers.extend(answers)

    def drop_connections(self) -> None:
        """Drop all connections."""
        for task in self._open:
            task.cancel()

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop_connections()
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/v2/stream/{names}", self._serve)
        return application

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        last = request.headers.get("Last-Event-ID")
        positions = orjson.loads(last) if last else None
        since = request.query.get("since")
        self.connections.append(SseConnection(positions, since, dict(request.headers)))
        if self._odd_answers:
            odd = self._odd_answers.popleft()
            headers = {"Content-Type": odd.content_type} | ({"Location": odd.location} if odd.location else {})
            return web.Response(status=odd.status, body=odd.body, headers=headers)
        if len(self.connections) <= len(self.conditions.refuse_statuses):
            headers = {} if self.conditions.retry_after is None else {"Retry-After": str(self.conditions.retry_after)}
            return web.Response(status=self.conditions.refuse_statuses[len(self.connections) - 1], headers=headers)
        names = request.match_info["names"].split(",")
        if unknown := [name for name in names if name not in self._streams]:
            return web.Response(status=404, text=f"There is no stream {unknown[0]}.")
        topics = [topic for name in names for topic in self._streams[name]]
        return await self._send(request, self._select_events(topics, positions, since))

    async def _send(self, request: web.Request, items: AsyncIterator[tuple[SseEvent, str]]) -> web.StreamResponse:
        zipped = "gzip" in request.headers.get("Accept-Encoding", "")
        headers = {"Content-Type": "text/event-stream; charset=utf-8"} | (
            {"Content-Encoding": "gzip"} if zipped else {}
        )
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        write = _Writer(response, zipped=zipped, conditions=self.conditions)
        task = asyncio.ensure_future(self._write_events(write, items))
        self._open.add(task)
        with suppress(asyncio.CancelledError, ConnectionError):
            await task
        self._open.discard(task)
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _write_events(self, write: _Writer, items: AsyncIterator[tuple[SseEvent, str]]) -> None:
        mark = b"\xef\xbb\xbf" if self.conditions.byte_order_mark else b""
        await write(mark + b":ok" + self.conditions.line_ending * 2)
        sent = 0
        async for item, event_id in items:
            lines = self._encode_event(
                item, event_id, heartbeat=bool(self.conditions.heartbeat and sent % self.conditions.heartbeat == 0)
            )
            if sent == self.conditions.cut_after:
                await write(lines[: len(lines) // 2])
                return
            await write(lines)
            sent += 1

    def _encode_event(self, item: SseEvent, event_id: str, *, heartbeat: bool) -> bytes:
        comment = [b":heartbeat"] if heartbeat else []
        data = [b"data: " + line for line in item.data.split(b"\n")]
        lines = [*comment, b"event: message", b"id: " + event_id.encode(), *comment, *data, *comment, b"", *comment]
        return b"".join(line + self.conditions.line_ending for line in lines)

    async def _select_events(
        self, topics: Sequence[str], positions: Sequence[Mapping[str, Any]] | None, since: str | None
    ) -> AsyncIterator[tuple[SseEvent, str]]:
        wanted = _position_filter(positions, since, begin=len(self.events))
        position, seen = 0, dict.fromkeys(topics, -1)
        first = next((place for place, item in enumerate(self.events) if wanted(place, item)), len(self.events))
        first = max(0, first - (self.conditions.repeat if positions else 0))
        while True:
            while position < len(self.events):
                item = self.events[position]
                if item.topic in seen and (wanted(position, item) or (positions and position >= first)):
                    yield item, orjson.dumps(list(self._resume_positions(item, seen))).decode()
                position += 1
            self._appended.clear()
            await self._appended.wait()

    def _resume_positions(self, item: SseEvent, seen: dict[str, int]) -> Iterator[dict[str, Any]]:
        seen[item.topic] = item.timestamp if self.conditions.timestamps else item.offset
        for topic, position in seen.items():
            kind = "timestamp" if self.conditions.timestamps and position >= 0 else "offset"
            yield {"topic": topic, "partition": 0, kind: position}


class _Writer:
    """Writer of bytes, with or without compression and chunks."""

    def __init__(self, response: web.StreamResponse, *, zipped: bool, conditions: SseConditions) -> None:
        self._response = response
        self._zip = zlib.compressobj(wbits=zlib.MAX_WBITS | 16) if zipped else None
        self._conditions = conditions

    async def __call__(self, data: bytes) -> None:
        if self._zip is not None and self._conditions.separate_members:
            data = gzip.compress(data)
        elif self._zip is not None:
            data = self._zip.compress(data) + self._zip.flush(zlib.Z_SYNC_FLUSH)
        step = self._conditions.chunk or len(data)
        for begin in range(0, len(data), step):
            await self._response.write(data[begin : begin + step])


def _position_filter(
    positions: Sequence[Mapping[str, Any]] | None, since: str | None, *, begin: int
) -> Callable[[int, SseEvent], bool]:
    """Return a filter on the position in the list and the event, for the resume position of a client."""
    if positions is not None:
        known = {position["topic"]: position for position in positions}

        def is_behind(_: int, item: SseEvent) -> bool:
            resume = known.get(item.topic, {})
            if "timestamp" in resume:
                return bool(item.timestamp >= resume["timestamp"])
            return bool(item.offset > resume.get("offset", -1)) if resume.get("offset", -1) >= 0 else False

        return is_behind
    if since is not None:
        moment = parse_timestamp(since) or 0
        return lambda _, item: item.timestamp >= moment
    return lambda position, _: position >= begin
