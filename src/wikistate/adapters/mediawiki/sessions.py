"""Sessions: headers and parameters that authenticate requests to a wiki, and the login.

A session belongs to one wiki, and its headers are sent to no other. Source: MediaWiki documentation (API:Login,
API:Assert).
"""

from __future__ import annotations

import asyncio
from http.cookies import CookieError, SimpleCookie
from time import monotonic, time
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, assert_never

from wikistate.adapters.mediawiki.action_api import encode, parse_json
from wikistate.adapters.mediawiki.credentials import BearerToken, BotPassword, Credential
from wikistate.core.enrichment.failures import Failure, FailureKind, RetryRule, find_failure_rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import CIMultiDictProxy

    from wikistate.adapters.http.client import HttpClient
    from wikistate.adapters.http.routes import Endpoint

_LIMIT = 1 << 20
_LOGIN_FAILURE_TTL = 60.0
"""Seconds for which a refused login is not repeated, so that a wrong password does not lock the account."""


class Session(Protocol):
    """Authentication of the requests to one wiki."""

    async def headers(self) -> Mapping[str, str] | Failure:
        """Return the headers of the next request, after a login if one is needed."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameters for each request."""

    def on_logged_out(self, headers: Mapping[str, str]) -> None:
        """Note that the wiki treated a request with these headers as anonymous."""


class TokenSession:
    """Session with a fixed header ``Authorization``, or without one."""

    parameters: ClassVar[Mapping[str, str]] = {}

    def __init__(self, token: BearerToken | None = None) -> None:
        self._headers = {"Authorization": f"Bearer {token.token}"} if token else {}

    async def headers(self) -> Mapping[str, str] | Failure:
        """See `Session`."""
        return self._headers

    def on_logged_out(self, headers: Mapping[str, str]) -> None:
        """See `Session`. A token is not renewed; the next attempt shows whether it is still valid."""


ANONYMOUS = TokenSession()


class PasswordSession:
    """Session with the cookies of a login, which happens at the first request and again when the wiki has ended it.

    Each request asserts the account, so that after the end of the login the wiki reports it and does not answer as to an
    anonymous client.
    """

    parameters: ClassVar[Mapping[str, str]] = {"assert": "user"}

    def __init__(self, credential: BotPassword, *, http: HttpClient, endpoint: Endpoint, place: str) -> None:
        self._credential = credential
        self._http = http
        self._endpoint = endpoint
        self._place = place
        self._cookies: dict[str, str] = {}
        self._headers: Mapping[str, str] | None = None
        self._login_failure: tuple[float, Failure] | None = None
        self._lock = asyncio.Lock()

    async def headers(self) -> Mapping[str, str] | Failure:
        """See `Session`. Concurrent calls wait for a login in progress."""
        if self._headers is not None:
            return self._headers
        async with self._lock:
            if self._headers is not None:
                return self._headers
            if self._login_failure is not None and monotonic() < self._login_failure[0]:
                return self._login_failure[1]
            failure = await self._log_in()
            if failure is not None:
                self._login_failure = (monotonic() + _LOGIN_FAILURE_TTL, failure) if _is_final(failure) else None
                return failure
            self._headers = self._cookie_header()
            return self._headers

    def on_logged_out(self, headers: Mapping[str, str]) -> None:
        """See `Session`."""
        if headers is self._headers:
            self._headers = None

    async def _log_in(self) -> Failure | None:
        self._cookies.clear()
        found = await self._call({"action": "query", "meta": "tokens", "type": "login"})
        if isinstance(found, Failure):
            return found
        token = (found.get("query") or {}).get("tokens", {}).get("logintoken")
        if not isinstance(token, str):
            return Failure(FailureKind.LOGIN_FAILED, f"{self._place} does not return a login token")
        credential = self._credential
        found = await self._call(
            {"action": "login"}, {"lgname": credential.name, "lgpassword": credential.password, "lgtoken": token}
        )
        if isinstance(found, Failure):
            return found
        login = found.get("login") or {}
        if login.get("result") == "Success":
            return None
        reason = login.get("reason") or login.get("result")
        return Failure(
            FailureKind.LOGIN_FAILED, f"{self._place} refuses the login of {credential.name}: {reason!s:.200}"
        )

    async def _call(self, query: Mapping[str, str], form: Mapping[str, str] | None = None) -> dict[str, Any] | Failure:
        answer = await self._http.request(
            self._endpoint,
            encode({**query, "format": "json", "formatversion": "2"}),
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


def _is_final(failure: Failure) -> bool:
    return find_failure_rule(failure.kind).retry_rule is RetryRule.NEVER


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
            return TokenSession(credential)
        case BotPassword():
            return PasswordSession(credential, http=http, endpoint=endpoint, place=place)
        case unreachable:
            assert_never(unreachable)
