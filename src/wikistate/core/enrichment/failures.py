"""Failure table: the kinds of failures of a fetch, and whether each is retried.

The table is data; `wikistate.core.enrichment.retry` applies it and does not depend on single kinds of failures.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from typing import NamedTuple


class FailureKind(StrEnum):
    """Kind of a failure. The values are metric labels and the error types of error events."""

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
    LOGIN_DELAYED = "LoginDelayed"
    CIRCUIT_OPEN = "CircuitOpen"
    API_ERROR = "ApiError"
    UNPARSABLE = "UnparsableResponse"
    OLD_FORMAT = "OldResponseFormat"
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
    """Rule that decides whether a failed fetch is retried."""

    NEVER = auto()
    UNTIL_LIMIT = auto()
    """Retry until `RetryPolicy.max_attempts` attempts were made."""
    WHILE_YOUNG = auto()
    """Retry while the event is younger than `RetryPolicy.acceptable_lag`, without a limit of attempts."""
    UNTIL_SUCCESS = auto()
    """Retry without a limit: the failure is not about the event, and does not count as an attempt for it."""


class SlowdownScope(Enum):
    """Scope of the requests that slow down after a failure."""

    NOTHING = auto()
    WIKI = auto()
    FARM = auto()
    """All wikis that share limits with the wiki that responded."""


class FailureRule(NamedTuple):
    """Row of the table: the failure, the retry rule, the scope of the slowdown, the reason, and a limit of its own.

    Attributes:
        max_attempts: Limit of the attempts for this failure, if it is lower than `RetryPolicy.max_attempts`.
    """

    kind: FailureKind
    description: str
    retry_rule: RetryRule
    slowdown: SlowdownScope
    note: str
    max_attempts: int | None = None


_K, _R, _S = FailureKind, RetryRule, SlowdownScope

TABLE: tuple[FailureRule, ...] = (
    # The connection to the wiki.
    FailureRule(
        _K.CONNECT_TIMEOUT, "no connection in time", _R.UNTIL_LIMIT, _S.NOTHING, "the wiki or the network is busy"
    ),
    FailureRule(
        _K.READ_TIMEOUT, "no response in time", _R.UNTIL_LIMIT, _S.NOTHING, "one heavy revision is enough for it"
    ),
    FailureRule(
        _K.CONNECTION_FAILED, "refused, reset, no such host, TLS", _R.UNTIL_LIMIT, _S.NOTHING, "a restart ends soon"
    ),
    FailureRule(
        _K.INVALID_REQUEST, "a URL that cannot be requested", _R.NEVER, _S.NOTHING, "a wrong setting stays wrong"
    ),
    # HTTP statuses.
    FailureRule(
        _K.OTHER_SUCCESS, "204 and every other 2xx but 200", _R.NEVER, _S.NOTHING, "the Action API responds with 200"
    ),
    FailureRule(
        _K.REDIRECT, "3xx", _R.NEVER, _S.NOTHING, "not followed: the target may not be in the list of allowed wikis"
    ),
    FailureRule(_K.REQUEST_TIMEOUT, "408", _R.UNTIL_LIMIT, _S.NOTHING, "the server asks for a retry"),
    FailureRule(_K.TOO_MANY_REQUESTS, "429", _R.UNTIL_LIMIT, _S.FARM, "Retry-After is honoured"),
    FailureRule(_K.CLIENT_ERROR, "any other 4xx", _R.NEVER, _S.NOTHING, "the same request would fail again"),
    FailureRule(
        _K.SERVER_ERROR, "500, 502, 504", _R.UNTIL_LIMIT, _S.NOTHING, "deployments and time-outs of proxies end soon"
    ),
    FailureRule(_K.UNAVAILABLE, "503", _R.UNTIL_LIMIT, _S.WIKI, "overload: Retry-After is honoured"),
    FailureRule(_K.OTHER_SERVER_ERROR, "any other 5xx", _R.NEVER, _S.NOTHING, "501 and 505 are permanent"),
    # API errors, which come with status 200.
    FailureRule(_K.MAXLAG, "maxlag", _R.UNTIL_LIMIT, _S.WIKI, "replicas lag: Retry-After is honoured"),
    FailureRule(_K.READ_ONLY, "readonly", _R.UNTIL_LIMIT, _S.WIKI, "maintenance ends soon"),
    FailureRule(_K.RATE_LIMITED, "ratelimited", _R.UNTIL_LIMIT, _S.FARM, "the error code of the API for 429"),
    FailureRule(
        _K.API_INTERNAL_ERROR, "internal_api_error_*", _R.UNTIL_LIMIT, _S.NOTHING, "mostly databases that fail over"
    ),
    FailureRule(
        _K.LOGGED_OUT, "assertuserfailed", _R.UNTIL_LIMIT, _S.NOTHING, "the session ended; the retry logs in again"
    ),
    FailureRule(_K.LOGIN_FAILED, "the wiki refuses the login", _R.NEVER, _S.NOTHING, "a wrong password stays wrong"),
    FailureRule(
        _K.LOGIN_DELAYED, "the wiki cannot log in now", _R.UNTIL_SUCCESS, _S.NOTHING, "the events wait for the login"
    ),
    FailureRule(
        _K.CIRCUIT_OPEN, "the wiki refuses every request", _R.UNTIL_SUCCESS, _S.NOTHING, "see `enrich.circuit_breaker`"
    ),
    FailureRule(_K.API_ERROR, "any other API error", _R.NEVER, _S.NOTHING, "a parameter or a permission is wrong"),
    # Responses that are not valid.
    FailureRule(
        _K.UNPARSABLE, "200 with a body that is not JSON", _R.UNTIL_LIMIT, _S.NOTHING, "truncated, or a page of a proxy"
    ),
    FailureRule(
        _K.OLD_FORMAT,
        "an answer in format version 1 of the API",
        _R.NEVER,
        _S.NOTHING,
        "the wiki is too old, or a proxy drops a parameter",
    ),
    FailureRule(_K.EMPTY, "200 with an empty body", _R.UNTIL_LIMIT, _S.NOTHING, "a worker died during the response"),
    FailureRule(_K.TOO_LARGE, "larger than allowed", _R.NEVER, _S.NOTHING, "the content does not become smaller"),
    FailureRule(
        _K.STALLED, "the continuation does not advance", _R.NEVER, _S.NOTHING, "larger than one response may be"
    ),
    # One revision.
    FailureRule(_K.BAD_REVISION, "no such revision", _R.WHILE_YOUNG, _S.NOTHING, "not yet on the replica, or deleted"),
    FailureRule(_K.TEXT_MISSING, "the wiki cannot load the text", _R.NEVER, _S.NOTHING, "storage is damaged"),
    FailureRule(
        _K.BAD_CONTENT_FORMAT, "no serialisation in that format", _R.NEVER, _S.NOTHING, "a property of the content"
    ),
    FailureRule(_K.NO_SUCH_SECTION, "no such section", _R.NEVER, _S.NOTHING, "wikistate never requests a section"),
    FailureRule(
        _K.SLOTS_MISSING, "the revision has no slots", _R.NEVER, _S.NOTHING, "the wiki's slot table is damaged"
    ),
    FailureRule(
        _K.SLOT_MISSING,
        "a slot of the event is not in the response",
        _R.NEVER,
        _S.NOTHING,
        "never emit half a revision",
    ),
    # Defects.
    FailureRule(_K.INTERNAL, "a defect of wikistate", _R.NEVER, _S.NOTHING, "please report it"),
)

_RULES = {row.kind: row for row in TABLE}


class Failure(NamedTuple):
    """Failure of one attempt.

    Attributes:
        kind: The row of the table.
        detail: Description and place, for the person who reads the error event; a clause without a full stop.
        retry_after: Seconds that the server asks to wait; None if it does not ask.
        code: Code of the API error; empty for other failures.
        names_subject: Whether the answer names what was requested, as the wiki itself does. False for a page that any server
            sends for an address that it does not know.
    """

    kind: FailureKind
    detail: str
    retry_after: float | None = None
    code: str = ""
    names_subject: bool = True


def find_failure_rule(kind: FailureKind) -> FailureRule:
    """Return the row of the table for a kind."""
    return _RULES[kind]


READ_DENIED = "readapidenied"
"""Error of the Action API of a private wiki to a reader without a login."""

_ODD_ANSWERS = frozenset(
    {_K.CLIENT_ERROR, _K.REDIRECT, _K.OTHER_SUCCESS, _K.OTHER_SERVER_ERROR, _K.LOGIN_FAILED},
)
"""Final failures that pages of a proxy, of maintenance or of a login look like."""


def may_pass(failure: Failure, *, has_answered: bool) -> bool:
    """Return whether the same request may succeed later.

    Args:
        failure: Failure of a request that is about no event.
        has_answered: Whether the wiki has answered well before. Then any odd answer may pass.
    """
    if find_failure_rule(failure.kind).retry_rule is not RetryRule.NEVER:
        return True
    return has_answered and (failure.kind in _ODD_ANSWERS or failure.code == READ_DENIED)


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
    """Return the failure that an HTTP status other than 200 stands for."""
    return _STATUSES.get(status) or _STATUS_CLASSES.get(status // 100, FailureKind.OTHER_SERVER_ERROR)


def classify_api_error(code: str) -> FailureKind:
    """Return the failure that an error code of the Action API stands for."""
    if code.startswith("internal_api_error_"):  # followed by the name of a PHP exception
        return FailureKind.API_INTERNAL_ERROR
    if code.startswith("mwoauth-invalid-authorization"):  # Extension:OAuth; the ending names the reason
        return FailureKind.LOGGED_OUT
    return _API_ERRORS.get(code, FailureKind.API_ERROR)
