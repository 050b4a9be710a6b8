"""Sessions: headers and parameters that authenticate requests to a wiki, and the login.

A session belongs to one wiki, and its headers are sent to no other. Source: MediaWiki documentation (API:Login,
API:Assert).
"""

from __future__ import annotations

import asyncio
import random
from http.cookies import CookieError, SimpleCookie
from time import monotonic, time
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, assert_never

import structlog

from wikistate.adapters.mediawiki.action_api import encode, parse_json
from wikistate.adapters.mediawiki.credentials import BearerToken, BotPassword, Credential
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.login_answers import (
    LONGEST_WAIT,
    LoginAction,
    LoginAnswer,
    LoginRefusal,
    classify_login_failure,
    classify_login_result,
    find_login_rule,
    missing_token_refusal,
)
from wikistate.core.enrichment.retry import RetryPolicy, compute_retry_delay
from wikistate.secret import reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import CIMultiDictProxy

    from wikistate.adapters.http.client import HttpClient
    from wikistate.adapters.http.routes import Endpoint

_LIMIT = 1 << 20
_MAX_RENEWALS = 3
"""Attempts to log in at once, each with a new session, before a login that loses its session waits."""

_MAX_REFUSALS = 3
"""Refusals of the same access token in a row after which it is no longer sent for a while."""

_FINAL_POLICY = RetryPolicy(base_delay=60.0, max_delay=900.0)
"""Delays between refused logins: more attempts with a wrong password would lock the account."""

_WAIT_POLICY = RetryPolicy(base_delay=1.0, max_delay=60.0, retry_after_cap=LONGEST_WAIT)
"""Delays between logins that fail for a passing reason."""

_ADVICE = (
    "check that its OAuth consumer is approved and not revoked, and set a valid one in "
    "wikis.DOMAIN.credentials.token_env or token_file"
)

log = structlog.get_logger(__name__)


class Session(Protocol):
    """Authentication of the requests to one wiki."""

    async def headers(self) -> Mapping[str, str] | Failure:
        """Return the headers of the next request, after a login if one is needed."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameters for each request."""

    def on_logged_out(self, headers: Mapping[str, str]) -> None:
        """Note that the wiki treated a request with these headers as anonymous."""

    def on_accepted(self, headers: Mapping[str, str]) -> None:
        """Note that the wiki answered a request with these headers well."""


def _authorization(token: BearerToken | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {reveal(token.token)}"} if token else {}


class TokenSession:
    """Session with a fixed header ``Authorization``, or without one.

    A refused token is read again from its file or variable. The same token is sent some times more, and then not for a while.

    Args:
        token: Token; None for an anonymous session.
        place: Domain or address of the wiki, for messages.
    """

    parameters: ClassVar[Mapping[str, str]] = {}

    def __init__(self, token: BearerToken | None = None, *, place: str = "The wiki") -> None:
        self._token = token
        self._place = place
        self._headers = _authorization(token)
        self._refusals = 0
        self._failure: _TimedFailure | None = None

    async def headers(self) -> Mapping[str, str] | Failure:
        """See `Session`."""
        if self._failure is not None and monotonic() < self._failure.until:
            return self._failure.failure
        return self._headers

    def on_logged_out(self, headers: Mapping[str, str]) -> None:
        """See `Session`."""
        if self._token is None or headers is not self._headers:
            return
        renewed = self._token.reload()
        if renewed.token != self._token.token:
            self._token, self._refusals = renewed, 0
        else:
            self._refusals += 1
        self._headers = _authorization(self._token)  # a new object, so that an older answer counts once
        if self._refusals >= _MAX_REFUSALS:
            failure = Failure(FailureKind.LOGIN_FAILED, f"{self._place} refuses the access token: {_ADVICE}")
            self._failure = _TimedFailure(
                monotonic() + _delay(_FINAL_POLICY, self._refusals - _MAX_REFUSALS + 1), failure
            )
            log.error("login_refused", wiki=self._place, reason=failure.detail)

    def on_accepted(self, headers: Mapping[str, str]) -> None:
        """See `Session`."""
        if headers is self._headers:
            self._refusals = 0


ANONYMOUS = TokenSession()


class _TimedFailure(NamedTuple):
    """Failure of a login, and the time of the monotonic clock until which no other login is tried."""

    until: float
    failure: Failure


class PasswordSession:
    """Session with the cookies of a login, which happens at the first request and again when the wiki has ended it.

    Each request asserts the account, so that after the end of the login the wiki reports it and does not answer as to an
    anonymous client. One login serves all requests. The table in `wikistate.core.enrichment.login_answers` says what follows
    an answer that is not a success.
    """

    parameters: ClassVar[Mapping[str, str]] = {"assert": "user"}

    def __init__(self, credential: BotPassword, *, http: HttpClient, endpoint: Endpoint, place: str) -> None:
        self._credential = credential
        self._http = http
        self._endpoint = endpoint
        self._place = place
        self._cookies: dict[str, str] = {}
        self._headers: Mapping[str, str] | None = None
        self._failure: _TimedFailure | None = None
        self._failures = 0
        self._has_succeeded = False
        self._is_accepted = True
        self._lock = asyncio.Lock()

    async def headers(self) -> Mapping[str, str] | Failure:
        """See `Session`. Concurrent calls wait for a login in progress."""
        if self._headers is not None:
            return self._headers
        async with self._lock:
            if self._headers is not None:
                return self._headers
            if (failure := self._current_failure()) is not None:
                return failure
            refusal = await self._log_in()
            if refusal is not None:
                return self._fail(refusal)
            if self._failures and self._is_accepted:
                log.info("login_succeeded", wiki=self._place)
                self._failures = 0
            self._has_succeeded = True
            self._failure = None
            self._headers = self._cookie_header()
            return self._headers

    def on_logged_out(self, headers: Mapping[str, str]) -> None:
        """See `Session`. A wiki that accepts no request after a login is not asked for another login at once."""
        if headers is not self._headers:
            return
        self._headers = None
        if not self._is_accepted:
            self._fail(LoginRefusal(find_login_rule(LoginAnswer.UNAVAILABLE), "it ends each session at once"))
        self._is_accepted = False

    def on_accepted(self, headers: Mapping[str, str]) -> None:
        """See `Session`."""
        if headers is self._headers:
            self._is_accepted = True

    def _current_failure(self) -> Failure | None:
        if self._failure is None or (left := self._failure.until - monotonic()) <= 0.0:
            return None
        failure = self._failure.failure
        return failure._replace(retry_after=left) if failure.kind is FailureKind.LOGIN_DELAYED else failure

    def _fail(self, refusal: LoginRefusal) -> Failure:
        """Return the failure after a refused login, and remember it, so that no request logs in before its time."""
        self._failures += 1
        rule = refusal.rule
        passes = rule.action in _PASSING or (rule.action is LoginAction.WAIT_IF_PROVEN and self._has_succeeded)
        detail = f"{self._place} refuses the login of {self._credential.name}: {refusal.reason!s:.300}"
        if passes:
            delay = _delay(_WAIT_POLICY, self._failures, rule.wait if refusal.wait is None else refusal.wait)
            failure = Failure(FailureKind.LOGIN_DELAYED, detail, delay)
            log.warning("login_delayed", wiki=self._place, reason=refusal.reason, retry_in=round(delay, 1))
        else:
            delay = _delay(_FINAL_POLICY, self._failures)
            failure = Failure(FailureKind.LOGIN_FAILED, f"{detail} ({rule.note})")
            log.error("login_refused", wiki=self._place, reason=failure.detail)
        self._failure = _TimedFailure(monotonic() + delay, failure)
        return failure

    async def _log_in(self) -> LoginRefusal | None:
        """Log in, with a new session after each answer that calls for one. Return the last refusal; None for a success."""
        refusal: LoginRefusal | None = None
        token = ""
        for attempt in range(_MAX_RENEWALS):
            refusal = await self._attempt(token)
            if refusal is None:
                return None
            action = refusal.rule.action
            if not (action is LoginAction.RENEW or (action is LoginAction.RENEW_ONCE and attempt == 0)):
                return refusal
            token = refusal.token
        return refusal

    async def _attempt(self, token: str) -> LoginRefusal | None:
        """Log in with a token that belongs to the current session, or with a new session and token."""
        if not token:
            self._cookies.clear()
            found = await self._call({"action": "query", "meta": "tokens", "type": "login"})
            if isinstance(found, Failure):
                return classify_login_failure(found)
            stated = _get_object(_get_object(found, "query"), "tokens").get("logintoken")
            if not isinstance(stated, str) or not stated:
                return missing_token_refusal()
            token = stated
        credential = self._credential
        found = await self._call(
            {"action": "login"},
            {"lgname": credential.name, "lgpassword": reveal(credential.password), "lgtoken": token},
        )
        return (
            classify_login_failure(found)
            if isinstance(found, Failure)
            else classify_login_result(_get_object(found, "login"))
        )

    async def _call(self, query: Mapping[str, str], form: Mapping[str, str] | None = None) -> dict[str, Any] | Failure:
        answer = await self._http.request(
            self._endpoint,
            encode({**query, "format": "json", "formatversion": "2", "uselang": "en"}),
            headers=self._cookie_header(),
            limit=_LIMIT,
            form=encode(form) if form else None,
        )
        if isinstance(answer, Failure):
            return answer
        self._keep_cookies(answer.headers)
        return parse_json(answer, place=self._place, now=time())

    def _keep_cookies(self, headers: CIMultiDictProxy[str]) -> None:
        for line in headers.getall("Set-Cookie", []):
            try:
                cookies = SimpleCookie(line)
            except CookieError:
                continue  # an invalid cookie is not sent back, and the result of the login shows the effect
            self._cookies.update({name: morsel.coded_value for name, morsel in cookies.items()})

    def _cookie_header(self) -> Mapping[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Cookie": cookie} if cookie else {}


_PASSING = frozenset({LoginAction.RENEW, LoginAction.WAIT})
"""Actions after which the events wait for the next login."""


def _delay(policy: RetryPolicy, failures: int, wait: float | None = None) -> float:
    """Return the seconds before the next login: those that the wiki states, or a delay that doubles with each failure."""
    jitter = random.random()  # noqa: S311  (spreads clients, not a secret)
    failure = Failure(FailureKind.LOGIN_DELAYED, "", wait)
    return compute_retry_delay(failure, attempt=failures, policy=policy, jitter=jitter)


def _get_object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def build_session(credential: Credential | None, *, http: HttpClient, endpoint: Endpoint, place: str) -> Session:
    """Return the session of a wiki for a credential.

    Args:
        credential: Credential, or None for an anonymous session.
        http: HTTP client; open before the first request.
        endpoint: Address of the Action API.
        place: Domain or address of the wiki, for messages.
    """
    match credential:
        case None:
            return ANONYMOUS
        case BearerToken():
            return TokenSession(credential, place=place)
        case BotPassword():
            return PasswordSession(credential, http=http, endpoint=endpoint, place=place)
        case unreachable:
            assert_never(unreachable)
