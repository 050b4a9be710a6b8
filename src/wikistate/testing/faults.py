"""Faults of a wiki as data: rules that select requests and the fault of each. And a server that says nothing.

A rule is a value that is also sent as JSON, and `FaultRules` decides from the request and the given time.
`wikistate.testing.wiki` injects the faults.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self

from pydantic import Field, TypeAdapter, ValidationError

from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """Another HTTP status, with headers such as Retry-After."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "<html><body>Our servers are currently under maintenance.</body></html>"
    kind: Literal["status"] = "status"


@dataclass(frozen=True, slots=True)
class ApiError:
    """HTTP 200 with an error of the Action API. `more` is added to the error object, as the host and lag of maxlag are."""

    code: str
    text: str = "Made up for a test."
    headers: dict[str, str] = field(default_factory=dict)
    more: dict[str, str | float] = field(default_factory=dict)
    kind: Literal["api_error"] = "api_error"


@dataclass(frozen=True, slots=True)
class ReplicaLag:
    """Replica lag in seconds: an error for all requests with a smaller ``maxlag``; other requests are not affected."""

    seconds: float
    kind: Literal["lagged"] = "lagged"


@dataclass(frozen=True, slots=True)
class Delay:
    """The correct response after a delay."""

    seconds: float
    kind: Literal["delay"] = "delay"


@dataclass(frozen=True, slots=True)
class Hang:
    """No response until the client disconnects."""

    kind: Literal["hang"] = "hang"


@dataclass(frozen=True, slots=True)
class ConnectionReset:
    """Connection reset; with `after`, in the middle of the body after so many bytes."""

    after: int | None = None
    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True)
class EmptyBody:
    """HTTP 200 with an empty body."""

    kind: Literal["empty_body"] = "empty_body"


@dataclass(frozen=True, slots=True)
class TruncatedBody:
    """HTTP 200 with a complete response as far as HTTP can detect; its JSON ends after this share of the document."""

    share: float = 0.5
    kind: Literal["truncated"] = "truncated"


@dataclass(frozen=True, slots=True)
class ByteOrderMark:
    """The correct response with byte order marks before and behind it, as of a wiki with a PHP file that has one."""

    before: int = 1
    behind: int = 0
    kind: Literal["byte_order_mark"] = "byte_order_mark"


@dataclass(frozen=True, slots=True)
class NonJsonBody:
    """HTTP 200 with a body that is not JSON, as proxies send it."""

    body: str = "<!DOCTYPE html><html><body>Please log in to this network.</body></html>"
    kind: Literal["not_json"] = "not_json"


@dataclass(frozen=True, slots=True)
class MissingRevision:
    """Replica lag of a revision: the revisions of the rule are in ``badrevids``; without `revisions`, all.

    With `asks`, each revision is missing only for its first so many requests. The other revisions of the request are
    returned as usual, and another rule may act on the same request.
    """

    asks: int | None = None
    kind: Literal["absent"] = "absent"


@dataclass(frozen=True, slots=True)
class HugeBody:
    """Body of so many bytes that begins as valid JSON and never ends; it is written as fast as the client reads."""

    size: int = 100_000_000
    kind: Literal["huge"] = "huge"


@dataclass(frozen=True, slots=True)
class GzipBomb:
    """Compressed body (gzip) that is a thousandth of its unpacked `size`."""

    size: int = 100_000_000
    kind: Literal["bomb"] = "bomb"


@dataclass(frozen=True, slots=True)
class HttpRedirect:
    """HTTP 302 to another location."""

    location: str
    status: int = 302
    kind: Literal["redirect"] = "redirect"


@dataclass(frozen=True, slots=True)
class StalledContinuation:
    """Response with a ``continue`` that points to itself and without revisions, as for a revision above the size limit."""

    kind: Literal["stall"] = "stall"


@dataclass(frozen=True, slots=True)
class WrongRevision:
    """Response that was not requested: `offset` is added to each revision id, and in RDF to the id of each entity."""

    offset: int = 1_000_000_000
    kind: Literal["wrong"] = "wrong"


@dataclass(frozen=True, slots=True)
class OldFormat:
    """The correct response in format version 1, as of a wiki that does not know ``formatversion``, or behind a proxy."""

    kind: Literal["old_format"] = "old_format"


@dataclass(frozen=True, slots=True)
class SlowBody:
    """The correct response, sent `chunk` bytes at a time with pauses of `pause` seconds between."""

    chunk: int = 64
    pause: float = 0.05
    kind: Literal["trickle"] = "trickle"


ResponseFault = (
    HttpStatus
    | ApiError
    | ReplicaLag
    | Delay
    | Hang
    | ConnectionReset
    | EmptyBody
    | TruncatedBody
    | ByteOrderMark
    | NonJsonBody
    | HugeBody
    | GzipBomb
    | HttpRedirect
    | StalledContinuation
    | WrongRevision
    | OldFormat
    | SlowBody
)
"""Faults that replace the response; of several rules that match, the first acts."""

Fault = ResponseFault | MissingRevision


@dataclass(frozen=True, slots=True)
class Rule:
    """Rule: a fault with the conditions of the requests that it affects. All given conditions must hold.

    Attributes:
        action: The fault.
        revisions: The request names one of these revisions.
        wiki: The request is for this wiki: domain or database name.
        path: Part of the path of the request, such as ``Special:EntityData`` or ``/Q42.``.
        nth: The request is the nth, from 1, of the requests that match the conditions above.
        every: Its number among these requests is a multiple of this.
        times: The rule acts at most so many times.
        seconds: The rule acts for so many seconds after it was set.
    """

    action: Annotated[Fault, Field(discriminator="kind")]
    revisions: frozenset[int] | None = None
    wiki: str | None = None
    path: str | None = None
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    seconds: float | None = None


class FaultDecision(NamedTuple):
    """Faults of one request: `hidden_revisions` are in ``badrevids``, and `action` replaces the response."""

    hidden_revisions: frozenset[int]
    action: ResponseFault | None


NO_FAULT = FaultDecision(frozenset(), None)


class FaultRules:
    """Active rules with their counters. All times are seconds of the same clock."""

    def __init__(self, rules: Iterable[Rule] = (), *, now: float = 0.0) -> None:
        self.replace(rules, now=now)

    def replace(self, rules: Iterable[Rule], *, now: float = 0.0) -> None:
        """Replace all rules."""
        self._watched = [_CountedRule(rule, now) for rule in rules]

    @property
    def rules(self) -> list[Rule]:
        """Active rules in order."""
        return [watched.rule for watched in self._watched]

    def decide(
        self, *, wiki: AbstractSet[str], revisions: AbstractSet[int], now: float, path: str = ""
    ) -> FaultDecision:
        """Return the faults of a request.

        Args:
            wiki: The names of the requested wiki: domain and database name.
            revisions: The requested revisions.
            now: The time.
            path: The path of its URL.
        """
        if not self._watched:
            return NO_FAULT
        hidden: set[int] = set()
        action: ResponseFault | None = None
        for watched in self._watched:
            match watched.rule.action:
                case MissingRevision() as absent if watched.trigger(wiki, revisions, now, path):
                    hidden |= watched.missing_revisions(revisions, absent.asks)
                case MissingRevision():
                    pass
                case other if action is None and watched.trigger(wiki, revisions, now, path):
                    action = other
                case _:
                    pass
        return FaultDecision(frozenset(hidden), action)


class _CountedRule:
    """A rule with its counters."""

    def __init__(self, rule: Rule, since: float) -> None:
        self.rule = rule
        self._since = since
        self._seen = 0
        self._acted = 0
        self._asked: Counter[int] = Counter()

    def trigger(self, wiki: AbstractSet[str], revisions: AbstractSet[int], now: float, path: str) -> bool:
        """Count this request and return whether the rule acts on it."""
        if not self._matches(wiki, revisions, path):
            return False
        self._seen += 1
        if not self._is_due(now):
            return False
        self._acted += 1
        return True

    def missing_revisions(self, revisions: AbstractSet[int], asks: int | None) -> set[int]:
        """Return the revisions that are still missing."""
        meant = revisions if self.rule.revisions is None else revisions & self.rule.revisions
        self._asked.update(meant)
        return {rev_id for rev_id in meant if asks is None or self._asked[rev_id] <= asks}

    def _matches(self, wiki: AbstractSet[str], revisions: AbstractSet[int], path: str) -> bool:
        rule = self.rule
        return (
            (rule.wiki is None or rule.wiki in wiki)
            and (rule.path is None or rule.path in path)
            and (rule.revisions is None or not rule.revisions.isdisjoint(revisions))
        )

    def _is_due(self, now: float) -> bool:
        rule = self.rule
        return (
            (rule.nth is None or rule.nth == self._seen)
            and (rule.every is None or self._seen % rule.every == 0)
            and (rule.times is None or self._acted < rule.times)
            and (rule.seconds is None or now - self._since < rule.seconds)
        )


_RULES = TypeAdapter(list[Rule])


def encode_rules(rules: Iterable[Rule]) -> bytes:
    """Return the rules as JSON, for the control path of a wiki in another process."""
    return _RULES.dump_json(list(rules), exclude_defaults=False)


def decode_rules(document: bytes) -> list[Rule]:
    """Return the rules of a document that `encode_rules` made.

    Raises:
        InputError: The document is not JSON or not a list of rules; the message names the place.
    """
    try:
        return _RULES.validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(
            f"The document is not a valid list of fault rules: at {place}, {first['msg']}.",
            hint="Send a JSON list of objects like those of `encode_rules`.",
        ) from None


class MuteServer:
    """Server that accepts connections and says nothing, for each protocol over TCP. An asynchronous context manager.

    Attributes:
        address: Host and port; empty before the start.
        connections: Number of accepted connections.
    """

    def __init__(self) -> None:
        self.address = ""
        self.connections = 0
        self._connected = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def wait_for_connection(self) -> None:
        """Wait until a client has connected."""
        await self._connected.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        self.connections += 1
        self._writers.append(writer)
        self._connected.set()
