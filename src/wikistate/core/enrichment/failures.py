"""The failure table: what can go wrong while a revision is fetched, and whether it is asked for again.

The table is data; `wikistate.core.enrichment.retry` applies it and knows no kind of failure by name.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from typing import NamedTuple


class FailureKind(StrEnum):
    """What went wrong. The values are metric labels and the error types of error events."""

    CONNECT_TIMEOUT = "ConnectTimeout"
    READ_TIMEOUT = "ReadTimeout"
    CONNECTION_FAILED = "ConnectionFailed"
    REQUEST_TIMEOUT = "RequestTimeout"
    TOO_MANY_REQUESTS = "TooManyRequests"
    SERVER_ERROR = "ServerError"
    UNAVAILABLE = "ServiceUnavailable"
    OTHER_SERVER_ERROR = "OtherServerError"
    CLIENT_ERROR = "ClientError"
    REDIRECT = "Redirect"
    OTHER_SUCCESS = "UnexpectedStatus"
    INVALID_REQUEST = "InvalidRequest"
    MAXLAG = "MaxLag"
    READ_ONLY = "ReadOnly"
    RATE_LIMITED = "RateLimited"
    API_INTERNAL_ERROR = "ApiInternalError"
    LOGGED_OUT = "LoggedOut"
    LOGIN_FAILED = "LoginFailed"
    API_ERROR = "ApiError"
    UNPARSABLE = "UnparsableResponse"
    EMPTY = "EmptyResponse"
    TOO_LARGE = "ContentTooLarge"
    STALLED = "ContinuationStalled"
    BAD_REVISION = "BadRevision"
    TEXT_MISSING = "TextMissing"
    BAD_CONTENT_FORMAT = "BadContentFormat"
    NO_SUCH_SECTION = "NoSuchSection"
    SLOTS_MISSING = "SlotsMissing"
    SLOT_MISSING = "SlotMissing"
    INTERNAL = "InternalError"


class RetryRule(Enum):
    """Whether a failure is worth another try."""

    NEVER = auto()
    UNTIL_LIMIT = auto()
    """Until `RetryPolicy.max_attempts` tries were made."""
    WHILE_YOUNG = auto()
    """As long as the event is younger than `RetryPolicy.acceptable_lag`, however many tries that takes."""


class SlowdownScope(Enum):
    """What has to slow down because of a failure."""

    NOTHING = auto()
    WIKI = auto()
    FARM = auto()
    """All wikis that share limits with the one that answered."""


class FailureRule(NamedTuple):
    """One row of the table: what happened, whether it is tried again, what slows down, and why."""

    kind: FailureKind
    description: str
    retry_rule: RetryRule
    slowdown: SlowdownScope
    note: str


_K, _R, _S = FailureKind, RetryRule, SlowdownScope

TABLE: tuple[FailureRule, ...] = (
    # The way to the wiki.
    FailureRule(
        _K.CONNECT_TIMEOUT, "no connection in time", _R.UNTIL_LIMIT, _S.NOTHING, "the wiki or the way to it is busy"
    ),
    FailureRule(
        _K.READ_TIMEOUT, "no answer in time", _R.UNTIL_LIMIT, _S.NOTHING, "one heavy revision is enough for it"
    ),
    FailureRule(_K.CONNECTION_FAILED, "refused, reset, no such host, TLS", _R.UNTIL_LIMIT, _S.NOTHING, "restarts pass"),
    FailureRule(
        _K.INVALID_REQUEST, "a URL that cannot be asked", _R.NEVER, _S.NOTHING, "settings do not mend themselves"
    ),
    # HTTP statuses.
    FailureRule(
        _K.OTHER_SUCCESS, "204 and every other 2xx but 200", _R.NEVER, _S.NOTHING, "the Action API answers 200"
    ),
    FailureRule(_K.REDIRECT, "3xx", _R.NEVER, _S.NOTHING, "not followed: it would leave the list of allowed wikis"),
    FailureRule(_K.REQUEST_TIMEOUT, "408", _R.UNTIL_LIMIT, _S.NOTHING, "the server asks for it"),
    FailureRule(_K.TOO_MANY_REQUESTS, "429", _R.UNTIL_LIMIT, _S.FARM, "Retry-After is honoured"),
    FailureRule(_K.CLIENT_ERROR, "any other 4xx", _R.NEVER, _S.NOTHING, "the same request is wrong the next time too"),
    FailureRule(
        _K.SERVER_ERROR, "500, 502, 504", _R.UNTIL_LIMIT, _S.NOTHING, "deployments and time-outs of proxies pass"
    ),
    FailureRule(_K.UNAVAILABLE, "503", _R.UNTIL_LIMIT, _S.WIKI, "overload: Retry-After is honoured"),
    FailureRule(_K.OTHER_SERVER_ERROR, "any other 5xx", _R.NEVER, _S.NOTHING, "501 or 505 do not pass"),
    # API errors, which come with status 200.
    FailureRule(_K.MAXLAG, "maxlag", _R.UNTIL_LIMIT, _S.WIKI, "replicas lag: Retry-After is honoured"),
    FailureRule(_K.READ_ONLY, "readonly", _R.UNTIL_LIMIT, _S.WIKI, "maintenance passes"),
    FailureRule(_K.RATE_LIMITED, "ratelimited", _R.UNTIL_LIMIT, _S.FARM, "the API's own form of 429"),
    FailureRule(
        _K.API_INTERNAL_ERROR, "internal_api_error_*", _R.UNTIL_LIMIT, _S.NOTHING, "mostly databases that fail over"
    ),
    FailureRule(
        _K.LOGGED_OUT, "assertuserfailed", _R.UNTIL_LIMIT, _S.NOTHING, "the session ended; the next try logs in again"
    ),
    FailureRule(_K.LOGIN_FAILED, "the wiki refuses the login", _R.NEVER, _S.NOTHING, "a wrong password stays wrong"),
    FailureRule(_K.API_ERROR, "any other API error", _R.NEVER, _S.NOTHING, "a parameter or a permission is wrong"),
    # Answers that are none.
    FailureRule(
        _K.UNPARSABLE, "200 with something else than JSON", _R.UNTIL_LIMIT, _S.NOTHING, "cut short, or a proxy's page"
    ),
    FailureRule(_K.EMPTY, "200 with nothing", _R.UNTIL_LIMIT, _S.NOTHING, "a worker died while answering"),
    FailureRule(_K.TOO_LARGE, "larger than is allowed", _R.NEVER, _S.NOTHING, "it will not shrink"),
    FailureRule(_K.STALLED, "the continuation does not advance", _R.NEVER, _S.NOTHING, "more than one answer may hold"),
    # One revision.
    FailureRule(_K.BAD_REVISION, "no such revision", _R.WHILE_YOUNG, _S.NOTHING, "not yet on the replica, or deleted"),
    FailureRule(_K.TEXT_MISSING, "the wiki cannot load the text", _R.NEVER, _S.NOTHING, "storage is damaged"),
    FailureRule(
        _K.BAD_CONTENT_FORMAT, "no serialisation in that format", _R.NEVER, _S.NOTHING, "a property of the content"
    ),
    FailureRule(_K.NO_SUCH_SECTION, "no such section", _R.NEVER, _S.NOTHING, "no section is asked for"),
    FailureRule(
        _K.SLOTS_MISSING, "the revision has no slots", _R.NEVER, _S.NOTHING, "the wiki's slot table is damaged"
    ),
    FailureRule(
        _K.SLOT_MISSING, "a slot of the event is not in the answer", _R.NEVER, _S.NOTHING, "never emit half a revision"
    ),
    # Ourselves.
    FailureRule(_K.INTERNAL, "a defect of wikistate", _R.NEVER, _S.NOTHING, "please report it"),
)

_RULES = {row.kind: row for row in TABLE}


class Failure(NamedTuple):
    """What happened, once.

    Attributes:
        kind: The row of the table.
        detail: Where and what, for the person who reads the error event; a clause without a full stop.
        retry_after: Seconds that the server asks to wait, None where it does not.
    """

    kind: FailureKind
    detail: str
    retry_after: float | None = None


def find_failure_rule(kind: FailureKind) -> FailureRule:
    """The row of the table for a kind."""
    return _RULES[kind]


_STATUSES = {
    408: _K.REQUEST_TIMEOUT,
    429: _K.TOO_MANY_REQUESTS,
    500: _K.SERVER_ERROR,
    502: _K.SERVER_ERROR,
    503: _K.UNAVAILABLE,
    504: _K.SERVER_ERROR,
}
_STATUS_CLASSES = {2: _K.OTHER_SUCCESS, 3: _K.REDIRECT, 4: _K.CLIENT_ERROR}

_API_ERRORS = {
    "maxlag": _K.MAXLAG,
    "readonly": _K.READ_ONLY,
    "ratelimited": _K.RATE_LIMITED,
    "assertuserfailed": _K.LOGGED_OUT,
    "assertbotfailed": _K.LOGGED_OUT,
    "assertnameduserfailed": _K.LOGGED_OUT,
}


def classify_status(status: int) -> FailureKind:
    """The failure that an HTTP status other than 200 stands for."""
    return _STATUSES.get(status) or _STATUS_CLASSES.get(status // 100, FailureKind.OTHER_SERVER_ERROR)


def classify_api_error(code: str) -> FailureKind:
    """The failure that an error code of the Action API stands for."""
    if code.startswith("internal_api_error_"):  # followed by the name of a PHP exception
        return FailureKind.API_INTERNAL_ERROR
    return _API_ERRORS.get(code, FailureKind.API_ERROR)
