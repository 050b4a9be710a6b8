"""The answers of a wiki to a login, and the action after each: the table beside the failure table.

The table is data. Texts are compared in English, which the login requests.

Sources: MediaWiki documentation (API:Login, API:Errors and warnings, Manual:Bot passwords, Manual:$wgPasswordAttemptThrottle,
Extension:ConfirmEdit, Extension:OAuth).
"""

from __future__ import annotations

import re
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.enrichment.failures import Failure, FailureKind, RetryRule, find_failure_rule
from wikistate.core.events.fields import quote_value

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WAIT = 3600.0
"""Largest number of seconds that an answer can delay the next login."""

_THROTTLE_SECONDS = 300.0
"""Period of the throttle of logins, and of the captcha after wrong logins, by MediaWiki's defaults."""


class LoginAnswer(StrEnum):
    """Kind of an answer that is not a success."""

    SESSION_LOST = "session lost"
    THROTTLED = "throttled"
    CAPTCHA = "captcha"
    UNAVAILABLE = "unavailable"
    UNEXPECTED = "unexpected"
    WRONG_CREDENTIALS = "wrong credentials"
    BLOCKED = "blocked"
    INTERACTION = "interaction"
    OTHER = "other"


class LoginAction(Enum):
    """Action after an answer."""

    RENEW = auto()
    """Log in again at once with a new session and token. After some renewals the login waits."""
    RENEW_ONCE = auto()
    """Log in once again with a new session; the second such answer is final."""
    WAIT = auto()
    """Log in again later. The events wait."""
    WAIT_IF_PROVEN = auto()
    """Wait if an earlier login has succeeded; final otherwise, because the settings may be wrong."""
    FINAL = auto()
    """Fail with the hint. A login is tried again after a long time only, so that the account is not locked."""


class LoginRule(NamedTuple):
    """Row of the table.

    Attributes:
        answer: Kind of the answer.
        description: Forms of the answer.
        action: Action after it.
        note: Reason, or for the operator the advice for the next step.
        wait: Seconds before the next login if the answer names none; None for a delay that grows.
    """

    answer: LoginAnswer
    description: str
    action: LoginAction
    note: str
    wait: float | None = None


_A, _N = LoginAnswer, LoginAction

LOGIN_TABLE: tuple[LoginRule, ...] = (
    LoginRule(
        _A.SESSION_LOST,
        "`NeedToken`, `WrongToken`, `badtoken`, session timed out, no token in the response",
        _N.RENEW,
        "the wiki has lost the session of the login; a new one works",
    ),
    LoginRule(
        _A.THROTTLED,
        "`Throttled`, too many recent login attempts, `login-throttled`",
        _N.WAIT,
        "the wait that the answer names is honoured; other clients may use the same account or address",
        _THROTTLE_SECONDS,
    ),
    LoginRule(
        _A.CAPTCHA,
        "a captcha",
        _N.WAIT,
        "the wiki asks for one after wrong logins; a bot password needs none: create one at Special:BotPasswords",
        _THROTTLE_SECONDS,
    ),
    LoginRule(
        _A.UNAVAILABLE,
        "each failure that the table above retries: no response, 408, 429, 5xx, maxlag, readonly, an empty body, no JSON",
        _N.WAIT,
        "it passes; Retry-After is honoured",
    ),
    LoginRule(
        _A.UNEXPECTED,
        "each other HTTP status, such as 403, 404 or a redirect, and each other API error",
        _N.WAIT_IF_PROVEN,
        "check the URL of the wiki, wikis.DOMAIN.api, and whether a proxy answers instead of the wiki",
    ),
    LoginRule(
        _A.WRONG_CREDENTIALS,
        "`WrongPass`, `NotExists`, `EmptyPass`, `Illegal`, incorrect username or password, no such bot password",
        _N.FINAL,
        "check wikis.DOMAIN.credentials: bot_name has the form Account@purpose, and its password is that of "
        "Special:BotPasswords",
    ),
    LoginRule(
        _A.BLOCKED,
        "`Blocked`, a blocked account or address",
        _N.FINAL,
        "ask an administrator of the wiki to lift the block",
    ),
    LoginRule(
        _A.INTERACTION,
        "`Aborted`, a login that needs a person",
        _N.FINAL,
        "create a bot password at Special:BotPasswords and set wikis.DOMAIN.credentials",
    ),
    LoginRule(
        _A.OTHER,
        "`Failed` for any other reason",
        _N.RENEW_ONCE,
        "the reason is the wiki's; check wikis.DOMAIN.credentials",
    ),
)

_RULES = {row.answer: row for row in LOGIN_TABLE}


class LoginRefusal(NamedTuple):
    """Answer to a login that is not a success.

    Attributes:
        rule: Row of the table.
        reason: Text of the wiki, for the message.
        wait: Seconds that the answer asks to wait; None if it names none.
        token: Token for the next attempt in the same session, which old wikis return with ``NeedToken``.
    """

    rule: LoginRule
    reason: str
    wait: float | None = None
    token: str = ""


def find_login_rule(answer: LoginAnswer) -> LoginRule:
    """Return the row of the table for a kind of answer."""
    return _RULES[answer]


_RESULTS = {
    "needtoken": _A.SESSION_LOST,
    "wrongtoken": _A.SESSION_LOST,
    "throttled": _A.THROTTLED,
    "wrongpass": _A.WRONG_CREDENTIALS,
    "wrongpluginpass": _A.WRONG_CREDENTIALS,
    "notexists": _A.WRONG_CREDENTIALS,
    "emptypass": _A.WRONG_CREDENTIALS,
    "noname": _A.WRONG_CREDENTIALS,
    "illegal": _A.WRONG_CREDENTIALS,
    "blocked": _A.BLOCKED,
    "createblocked": _A.BLOCKED,
    "needcaptcha": _A.CAPTCHA,
}
_TEXTS = (
    (
        re.compile(
            r"session\b.{0,200}?(timed out|lost|expired|fail)|sessionfailure|badtoken|invalid csrf|not-in-progress"
        ),
        _A.SESSION_LOST,
    ),
    (re.compile(r"throttle|too many (recent )?(login|failed)"), _A.THROTTLED),
    (re.compile(r"captcha"), _A.CAPTCHA),
    (re.compile(r"\bblocked\b|\bbanned\b"), _A.BLOCKED),
    (
        re.compile(
            r"incorrect (user ?name|password)|wrong ?password|could not be authenticated|no user by|nosuchuser|does not exist"
            r"|bot ?password"
        ),
        _A.WRONG_CREDENTIALS,
    ),
)
_API_ERRORS = {
    "badtoken": _A.SESSION_LOST,
    "notoken": _A.SESSION_LOST,
    "missingparam": _A.SESSION_LOST,
    "sessionfailure": _A.SESSION_LOST,
    "login-throttled": _A.THROTTLED,
    "captcha": _A.CAPTCHA,
    "blocked": _A.BLOCKED,
    "autoblocked": _A.BLOCKED,
    "globalblocking-blocked": _A.BLOCKED,
}
_WAIT = re.compile(r"(\d{1,6}) ?(second|minute|hour)", re.ASCII)
_MAX_REASON_CHARS = 2000  # characters of a reason; the patterns above are searched in it
_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}


def classify_login_failure(failure: Failure) -> LoginRefusal:
    """Return the refusal that a failed request of a login stands for."""
    if failure.code in _API_ERRORS:
        answer = _API_ERRORS[failure.code]
    elif failure.kind is not FailureKind.LOGGED_OUT and _passes(failure):
        answer = _A.UNAVAILABLE
    else:
        answer = _A.UNEXPECTED
    wait = failure.retry_after
    return LoginRefusal(_RULES[answer], failure.detail, None if wait is None else _bound(wait))


def classify_login_result(login: Mapping[str, Any]) -> LoginRefusal | None:
    """Return the refusal in the object ``login`` of a response; None for a success."""
    result, reason = _as_text(login.get("result")), _reason(login)
    if result == "Success":
        return None
    answer = _RESULTS.get(result.lower()) or _classify_text(reason)
    if answer is _A.OTHER and result == "Aborted":
        answer = _A.INTERACTION
    token = login.get("token")
    return LoginRefusal(_RULES[answer], reason or result, _wait(login, reason), token if isinstance(token, str) else "")


def missing_token_refusal() -> LoginRefusal:
    """Return the refusal of a response without a login token."""
    return LoginRefusal(_RULES[_A.SESSION_LOST], "its response has no login token")


def _passes(failure: Failure) -> bool:
    return find_failure_rule(failure.kind).retry_rule is not RetryRule.NEVER


def _reason(login: Mapping[str, Any]) -> str:
    """Return the reason as text: a string, or with other values of ``errorformat`` an object with code and text."""
    reason = login.get("reason") or ""
    if isinstance(reason, dict):
        reason = " ".join(_as_text(reason[name]) for name in ("code", "text") if reason.get(name))
    return " ".join(_as_text(reason)[:_MAX_REASON_CHARS].split())


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else quote_value(value)


def _classify_text(reason: str) -> LoginAnswer:
    text = reason.lower()
    return next((answer for pattern, answer in _TEXTS if pattern.search(text)), _A.OTHER)


def _wait(login: Mapping[str, Any], reason: str) -> float | None:
    stated = login.get("wait")
    if isinstance(stated, int | float) and not isinstance(stated, bool):
        return _bound(float(stated))
    found = _WAIT.search(reason.lower())
    return _bound(int(found[1]) * _UNITS[found[2]]) if found else None


def _bound(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)
