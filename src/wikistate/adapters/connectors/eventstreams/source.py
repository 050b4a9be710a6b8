"""A feed of EventStreams: one connection to a server of server-sent events, which is renewed whenever it ends.

Public front ends close connections after about 15 minutes, so a closed connection is not reported. Source of the protocol:
the WHATWG HTML standard, section 9.2, and Wikitech, "Event Platform/EventStreams HTTP Service".
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog

from wikistate.adapters.connectors.eventstreams.parser import EventStreamParser
from wikistate.adapters.connectors.eventstreams.position import StreamPosition
from wikistate.adapters.connectors.eventstreams.single_topic import SingleTopicPosition
from wikistate.adapters.connectors.push_source import report_ignored_since, resolve_begin
from wikistate.adapters.connectors.start_stop import resolve_end
from wikistate.adapters.http.answers import quote_answer, quote_first_line, report_mark
from wikistate.adapters.http.client import HttpClient, HttpResponse, HttpSettings, parse_retry_after
from wikistate.adapters.http.outages import Outage
from wikistate.core.enrichment.failures import Failure, FailureKind, classify_status
from wikistate.core.enrichment.retry import compute_retry_delay
from wikistate.core.events.timestamps import format_timestamp
from wikistate.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.adapters.connectors.checkpoint import ResumePosition
    from wikistate.adapters.connectors.eventstreams.parser import ServerSentEvent
    from wikistate.adapters.connectors.eventstreams.settings import EventStreamsSettings
    from wikistate.adapters.connectors.push_source import FeedRecord, Metadata
    from wikistate.adapters.http.stream import ByteStream
    from wikistate.streaming.record import Partition

_NO_CONTENT = 204
"""Status with which a server forbids its clients to connect again (WHATWG HTML, section 9.2.3)."""

log = structlog.get_logger(__name__)

_EVENTS_PER_TURN = 64
"""Events that are processed before other tasks get a turn: an event of seven bytes takes as long as one of kilobytes."""

_FIRST_LINE_WAIT = 2.0  # seconds to wait for the text of an answer that is not an event stream


class EventStreamsFeed:
    """See `Feed` for the protocol.

    Args:
        settings: The streams to read.
        http: The settings of requests.
    """

    def __init__(self, settings: EventStreamsSettings, http: HttpSettings) -> None:
        self._settings = settings
        self._http = HttpClient(http)
        self._name = ",".join(settings.streams)
        self._position: StreamPosition | SingleTopicPosition = StreamPosition(self._name, 0)
        self._stream: ByteStream | None = None
        self._parser = EventStreamParser(settings.max_record_bytes)
        self._attempt = 0
        self._outage = Outage("source", self._name, limit=settings.reconnect_limit)
        self._begin = 0
        self._end: int | None = None
        self._last_record = 0.0
        self._event_since: float | None = None  # the time of the first bytes of the incomplete event

    @property
    def identity(self) -> str:
        """See `Feed`."""
        return f"eventstreams:{self._settings.base}{self._name}"

    async def open(self, positions: Mapping[Partition, ResumePosition], metadata: Metadata) -> None:
        """See `Feed`. The first connection must succeed, so that wrong settings are found here."""
        now = _now()
        self._end = resolve_end(self._settings.end, now=now)
        reader, since = f"The stream {self._name}", self._settings.since
        if positions:
            report_ignored_since(reader, "its stored position", since)
        self._begin = await resolve_begin(metadata, since, now=now, reader="" if positions else reader)
        self._position = self._new_position()
        self._position.restore(positions)
        self._require_begin()
        self._last_record = time.monotonic()
        await self._http.open()
        if failure := await self._connect():
            raise self._connection_error(failure)
        log.info("stream_opened", stream=self._name, since=format_timestamp(self._begin))

    async def receive(self) -> list[FeedRecord] | None:
        """See `Feed`."""
        while True:
            events = self._parser.feed(await self._read_chunk())
            if events:
                self._event_since = None
            found = await self._take_records(events)
            if self._parser.has_mark:
                report_mark(self._settings.base)
            if self._end is not None:
                found = [arrival for arrival in found if (arrival.record.timestamp or 0) < self._end]
            if found:
                self._attempt = 0
                self._last_record = time.monotonic()
                return found
            self._note_incomplete_event()
            if self._has_ended():
                return None

    def token_after(self, partition: Partition, done: Sequence[str]) -> str:
        """See `Feed`."""
        return self._position.token_after(partition, done[-1])

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`. It is unknown: the server does not state it."""
        return {}

    async def close(self) -> None:
        """See `Feed`."""
        self._outage.end()
        self._disconnect()
        await self._http.close()

    async def _take_records(self, events: Sequence[ServerSentEvent]) -> list[FeedRecord]:
        found: list[FeedRecord] = []
        for number, event in enumerate(events, 1):
            if (arrival := self._position.to_record(event)) is not None:
                found.append(arrival)
            if number % _EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)
        return found

    def _note_incomplete_event(self) -> None:
        """Keep the source from its end while an event arrives, for at most `EventStreamsSettings.silence` seconds."""
        now = time.monotonic()
        if not self._parser.is_within_event:
            self._event_since = None
            return
        self._event_since = self._event_since or now
        if now - self._event_since < self._settings.silence:
            self._last_record = now

    def _new_position(self) -> StreamPosition | SingleTopicPosition:
        if self._settings.single_topic:
            return SingleTopicPosition(self._name, self._settings.topic)
        return StreamPosition(self._name, self._begin)

    def _require_begin(self) -> None:
        """Raise `ConfigError` if a store has no start: with missing changes it would be wrong, and nothing would show it."""
        if self._settings.single_topic and self._settings.since is None and not self._position.last_event_id():
            raise ConfigError(
                f"The store has no position in {self._name}, so the start is unknown.",
                hint="Name the time of the first missing change; for a store that was loaded from a dump, the time of the "
                "dump: eventstreams:STREAM?since=2026-01-31T00:00:00Z.",
                key="stream_manager.source.options.since",
            )

    def _has_ended(self) -> bool:
        if self._end is None or _now() < self._end:
            return False
        return time.monotonic() - self._last_record >= self._settings.quiet

    async def _read_chunk(self) -> bytes:
        """Return the next bytes; none if the connection ended, or if it is time to check for the end."""
        if self._stream is None:
            await self._reconnect()
            return b""
        timeout = self._settings.silence if self._end is None else min(self._settings.quiet, self._settings.silence)
        chunk = await self._stream.read(timeout)
        if isinstance(chunk, Failure) and chunk.kind is FailureKind.READ_TIMEOUT and timeout < self._settings.silence:
            return b""
        if isinstance(chunk, Failure) or not chunk:
            reason = chunk.detail if isinstance(chunk, Failure) else ""
            log.debug("stream_disconnected", stream=self._name, reason=reason)
            self._disconnect()
            return b""
        return chunk

    async def _reconnect(self) -> None:
        self._attempt += 1
        if self._attempt > 1 or self._parser.retry:
            await self._back_off(Failure(FailureKind.CONNECTION_FAILED, "", self._parser.retry))
        while failure := await self._connect():
            # The stream was read before, so that an odd answer is taken as passing: a page of a proxy, or of maintenance.
            if failure.code == str(_NO_CONTENT) or not self._outage.begin():
                raise self._connection_error(failure)
            log.warning("stream_unavailable", stream=self._name, reason=failure.detail)
            self._attempt += 1
            await self._back_off(failure)
        if self._outage.end():
            log.info("stream_available", stream=self._name)

    async def _back_off(self, failure: Failure) -> None:
        policy, jitter = self._settings.backoff, random.random()  # noqa: S311  (spreads clients, is not a secret)
        await asyncio.sleep(compute_retry_delay(failure, attempt=self._attempt, policy=policy, jitter=jitter))

    async def _connect(self) -> Failure | None:
        settings = self._settings
        endpoint = self._http.endpoint(settings.base + quote(self._name, safe=","))
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        query = f"since={quote(format_timestamp(self._begin))}"
        if settings.credential is not None:
            headers["Authorization"] = settings.credential.header
        if last := self._position.last_event_id():
            headers["Last-Event-ID"], query = last, ""
        response = await self._http.stream(endpoint, query, headers=headers)
        if isinstance(response, Failure):
            return response
        if isinstance(response, HttpResponse):
            detail = f"{endpoint.url} responds with the HTTP status {response.status} {quote_answer(response)}"
            after = parse_retry_after(response.headers, time.time())
            return Failure(classify_status(response.status), detail, after, str(response.status))
        if response.content_type != "text/event-stream":
            beginning = await response.read(_FIRST_LINE_WAIT)
            response.close()
            quoted = "no text" if isinstance(beginning, Failure) else quote_first_line(beginning)
            return Failure(
                FailureKind.CLIENT_ERROR, f"{endpoint.url} responds with {response.content_type!r:.80}: {quoted}"
            )
        self._stream = response
        self._parser = EventStreamParser(settings.max_record_bytes)
        return None

    def _disconnect(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _connection_error(self, failure: Failure) -> SourceError:
        return SourceError(
            f"The event stream {self._name} cannot be read: {failure.detail}.",
            hint="Check the stream's name and the base URL; the public streams are listed at "
            "https://stream.wikimedia.org/?doc.",
            stream=self._name,
        )


def _now() -> int:
    return int(time.time() * 1000)
