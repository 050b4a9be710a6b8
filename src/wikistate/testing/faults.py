"""What can go wrong with a wiki, declared: rules that say which requests go wrong, and in what way.

Pure: a rule is a value that also travels as JSON, and `FaultRules` decides from the request and the time it is given.
`wikistate.testing.wiki` acts on it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

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
    """HTTP 200 with an error of the Action API. `more` goes into the error object, as maxlag's host and lag do."""

    code: str
    text: str = "Made up for a test."
    headers: dict[str, str] = field(default_factory=dict)
    more: dict[str, str | float] = field(default_factory=dict)
    kind: Literal["api_error"] = "api_error"


@dataclass(frozen=True, slots=True)
class ReplicaLag:
    """The replicas lag by so many seconds: an error for all requests whose ``maxlag`` is smaller, no matter to others."""

    seconds: float
    kind: Literal["lagged"] = "lagged"


@dataclass(frozen=True, slots=True)
class Delay:
    """The right answer, later."""

    seconds: float
    kind: Literal["delay"] = "delay"


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer until the client leaves."""

    kind: Literal["hang"] = "hang"


@dataclass(frozen=True, slots=True)
class ConnectionReset:
    """The connection breaks; with `after`, in the middle of the body, after so many bytes of it."""

    after: int | None = None
    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True)
class EmptyBody:
    """HTTP 200 and nothing."""

    kind: Literal["empty_body"] = "empty_body"


@dataclass(frozen=True, slots=True)
class TruncatedBody:
    """HTTP 200, whole as HTTP knows, but the JSON stops after this share of it."""

    share: float = 0.5
    kind: Literal["truncated"] = "truncated"


@dataclass(frozen=True, slots=True)
class NonJsonBody:
    """HTTP 200 and something that is no JSON, as proxies send it."""

    body: str = "<!DOCTYPE html><html><body>Please log in to this network.</body></html>"
    kind: Literal["not_json"] = "not_json"


@dataclass(frozen=True, slots=True)
class MissingRevision:
    """Replica lag of a revision: the rule's revisions (all, if it names none) are in ``badrevids``.

    With `asks`, each of them only the first so many times that it is asked for. Neighbours are answered as ever, and
    another rule may act on the same request.
    """

    asks: int | None = None
    kind: Literal["absent"] = "absent"


@dataclass(frozen=True, slots=True)
class HugeBody:
    """A body of so many bytes, valid from its start and never finished, written as fast as the client reads."""

    size: int = 100_000_000
    kind: Literal["huge"] = "huge"


@dataclass(frozen=True, slots=True)
class GzipBomb:
    """A gzipped body that is a thousandth of the size that it unpacks to."""

    size: int = 100_000_000
    kind: Literal["bomb"] = "bomb"


@dataclass(frozen=True, slots=True)
class HttpRedirect:
    """HTTP 302 to somewhere else."""

    location: str
    status: int = 302
    kind: Literal["redirect"] = "redirect"


@dataclass(frozen=True, slots=True)
class StalledContinuation:
    """A ``continue`` that leads back to itself and no revision, as with one that is larger than an answer may be."""

    kind: Literal["stall"] = "stall"


@dataclass(frozen=True, slots=True)
class WrongRevision:
    """What nobody asked for: every revision's number in the answer is off by `offset`; in RDF, every entity's."""

    offset: int = 1_000_000_000
    kind: Literal["wrong"] = "wrong"


@dataclass(frozen=True, slots=True)
class SlowBody:
    """The right answer, `chunk` bytes at a time with pauses between."""

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
    | NonJsonBody
    | HugeBody
    | GzipBomb
    | HttpRedirect
    | StalledContinuation
    | WrongRevision
    | SlowBody
)
"""What takes the place of the answer; of several rules that match, the first acts."""

Fault = ResponseFault | MissingRevision


@dataclass(frozen=True, slots=True)
class Rule:
    """Which requests go wrong, and how. All conditions that are given must hold.

    Attributes:
        action: What happens.
        revisions: The request asks for one of these.
        wiki: It is for this wiki: domain or database name.
        path: This is part of its path, such as ``Special:EntityData`` or ``/Q42.``.
        nth: It is the nth one, from 1, of those that match the two above.
        every: Its number among those is a multiple of this.
        times: The rule acts at most so often.
        seconds: It acts only so long after it was set.
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
    """What goes wrong with one request: `hidden_revisions` revisions are in ``badrevids``."""

    hidden_revisions: frozenset[int]
    action: ResponseFault | None


NO_FAULT = FaultDecision(frozenset(), None)


class FaultRules:
    """The rules in force, and how often each has been at work. Times are seconds of any one clock."""

    def __init__(self, rules: Iterable[Rule] = (), *, now: float = 0.0) -> None:
        self.replace(rules, now=now)

    def replace(self, rules: Iterable[Rule], *, now: float = 0.0) -> None:
        """Put these in the place of all rules before."""
        self._watched = [_CountedRule(rule, now) for rule in rules]

    @property
    def rules(self) -> list[Rule]:
        """The rules in force, in order."""
        return [watched.rule for watched in self._watched]

    def decide(
        self, *, wiki: AbstractSet[str], revisions: AbstractSet[int], now: float, path: str = ""
    ) -> FaultDecision:
        """What goes wrong with a request.

        Args:
            wiki: The names of the wiki that is asked: domain and database name.
            revisions: The revisions that are asked for.
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
        """Whether the rule acts on this request; counts it."""
        if not self._matches(wiki, revisions, path):
            return False
        self._seen += 1
        if not self._is_due(now):
            return False
        self._acted += 1
        return True

    def missing_revisions(self, revisions: AbstractSet[int], asks: int | None) -> set[int]:
        """Those of the revisions that are still absent."""
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
    """The rules as JSON, for the control path of a wiki in another process."""
    return _RULES.dump_json(list(rules), exclude_defaults=False)


def decode_rules(document: bytes) -> list[Rule]:
    """The inverse of `encode_rules`.

    Raises:
        InputError: It is no JSON, or no list of rules; the message names the place.
    """
    try:
        return _RULES.validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(
            f"These are no fault rules: at {place}, {first['msg']}.",
            hint="Send a JSON list of objects like those of `encode_rules`.",
        ) from None
