"""The places of sources that receive records: a server of server-sent events, and a wiki.

Neither carries arbitrary bytes, so a place encodes the values and its source decodes them.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from wikistate.adapters.connectors.eventstreams import EventStreamsFeed, EventStreamsSettings
from wikistate.adapters.connectors.push_source import Feed, FeedSource
from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.start_stop import LatestAtStart, Moment
from wikistate.adapters.http.client import HttpSettings
from wikistate.core.events.timestamps import format_timestamp
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wikistate.streaming.ports import OnRevoked, Source
    from wikistate.streaming.record import Partition, Record
    from wikistate.testing.sse import SseServer

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z


class DecodingSource:
    """A source that decodes the values of its records."""

    def __init__(self, source: Source, read: Callable[[bytes], bytes]) -> None:
        self._source = source
        self._read = read

    async def open(self, on_revoked: OnRevoked) -> None:
        """See `Source`."""
        await self._source.open(on_revoked)

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`."""
        records = await self._source.poll(limit, wait)
        return records and [record._replace(value=self._read(record.value or b"")) for record in records]

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        await self._source.commit(positions)

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""
        return self._source.lag()

    async def close(self) -> None:
        """See `Source`."""
        await self._source.close()


class EventStreamsPlace:
    """A stream of a local server."""

    def __init__(self, server: SseServer, folder: Path) -> None:
        self._server = server
        self._state = folder / "state" / "positions.sqlite"
        self._settings = EventStreamsSettings(streams=("changes",), base=server.base, since=Moment(0), quiet=0.3)

    def fill(self, values: Sequence[bytes]) -> None:
        """See `SourcePlace`."""
        for value in values:
            self._server.append("eqiad.changes", b"#" + base64.b64encode(value))

    def source(self) -> Source:
        """See `SourcePlace`."""
        return self._make_source(replace(self._settings, end=LatestAtStart()))

    def unbounded_source(self) -> Source:
        """See `SourcePlace`."""
        return self._make_source(self._settings)

    def missing_source(self) -> Source | None:
        """See `SourcePlace`."""
        return self._make_source(replace(self._settings, streams=("missing",)))

    def _make_source(self, settings: EventStreamsSettings) -> Source:
        return DecodingSource(_make_feed_source(EventStreamsFeed(settings, HttpSettings()), self._state), _decode_data)


class RecentChangesPlace:
    """A wiki with recent changes only: one new page for each value, which is the summary of the edit."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state" / "positions.sqlite"
        self._rows: list[dict[str, Any]] = []
        self._settings = RecentChangesSettings(api="http://wiki.example/api.php", since=Moment(0), interval=0.02)

    def fill(self, values: Sequence[bytes]) -> None:
        """See `SourcePlace`. All changes have the same second, which is the worst case."""
        for value in values:
            number = len(self._rows) + 1
            self._rows.append(
                {
                    "type": "new",
                    "ns": 0,
                    "title": f"Page {number}",
                    "pageid": number,
                    "revid": number,
                    "old_revid": 0,
                    "rcid": number,
                    "user": "Somebody",
                    "userid": 7,
                    "timestamp": format_timestamp(NOON),
                    "comment": base64.b64encode(value).decode(),
                }
            )

    def source(self) -> Source:
        """See `SourcePlace`."""
        return self._make_source(replace(self._settings, end=LatestAtStart()))

    def unbounded_source(self) -> Source:
        """See `SourcePlace`."""
        return self._make_source(self._settings)

    def missing_source(self) -> Source | None:
        """See `SourcePlace`."""
        return self._make_source(replace(self._settings, api="http://wiki.example/missing.php"))

    def _make_source(self, settings: RecentChangesSettings) -> Source:
        queries = _RecentChangesApi(None if "missing" in settings.api else self._rows)
        return DecodingSource(_make_feed_source(RecentChangesFeed(settings, queries), self._state), _decode_comment)


class _RecentChangesApi:
    """An Action API with recent changes only, seven in a response. Its clock advances a second with each request."""

    def __init__(self, rows: list[dict[str, Any]] | None) -> None:
        self._rows = rows
        self._now = NOON

    async def open(self) -> None:
        pass

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        del tries
        if self._rows is None:
            raise WikiError("The wiki answers with the HTTP status 404.")
        self._now += 1000
        answer: dict[str, Any] = {"curtimestamp": format_timestamp(self._now)}
        match parameters:
            case {"meta": "siteinfo"}:
                general = {"wikiid": "wiki", "servername": "wiki.example", "server": "//wiki.example"}
                namespaces = {"0": {"id": 0, "content": True}}
                return answer | {"query": {"general": general | {"articlepath": "/wiki/$1"}, "namespaces": namespaces}}
            case {"list": "recentchanges"}:
                first = int(parameters.get("rccontinue", "0"))
                more = {"continue": {"rccontinue": str(first + 7)}} if first + 7 < len(self._rows) else {}
                return answer | more | {"query": {"recentchanges": self._rows[first : first + 7]}}
            case _:
                return answer

    async def close(self) -> None:
        pass


def _make_feed_source(feed: Feed, state: Path) -> FeedSource:
    return FeedSource(feed, state)


def _decode_data(value: bytes) -> bytes:
    return base64.b64decode(value.removeprefix(b"#"))


def _decode_comment(value: bytes) -> bytes:
    return base64.b64decode(orjson.loads(value)["revision"]["comment"])
