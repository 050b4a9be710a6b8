"""The answers of a real MediaWiki to a login, beside those of the small wiki: both stand for the same row of the table."""

from __future__ import annotations

import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from wikistate.core.enrichment.login_answers import LoginAnswer, LoginRefusal, classify_login_result
from wikistate.testing.wiki import Accounts
from wikistate.testing.wiki.cached_bodies import join_plain

if TYPE_CHECKING:
    from tests.support.mediawiki import RealMediaWiki

    from wikistate.testing.wiki.responses import WikiResponse

TIMEOUT = 60.0
THROTTLE = "$wgPasswordAttemptThrottle = [ [ 'count' => 2, 'seconds' => 300 ] ];"
FORMAT = {"format": "json", "formatversion": "2", "uselang": "en"}


class RealLogin:
    """Session with a real wiki that is not logged in."""

    def __init__(self, wiki: RealMediaWiki) -> None:
        self._url = wiki.api_url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def token(self) -> str:
        """Return a login token."""
        token: str = self.call(action="query", meta="tokens", type="login")["query"]["tokens"]["logintoken"]
        return token

    def log_in(self, token: str | None, name: str = "Admin") -> dict[str, Any]:
        """Return the object `login` of a login with a wrong password; None sends no token."""
        tokens = {} if token is None else {"lgtoken": token}
        found: dict[str, Any] = self.call(action="login", lgname=name, lgpassword="wrong", **tokens)["login"]
        return found

    def call(self, **parameters: str) -> dict[str, Any]:
        """Send one request."""
        body = urllib.parse.urlencode({**FORMAT, **parameters}).encode()
        with self._opener.open(self._url, data=body, timeout=TIMEOUT) as response:
            document: dict[str, Any] = orjson.loads(response.read())
        return document


class SmallLogin:
    """Session with the accounts of the small wiki."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._cookies: dict[str, str] = {}

    def token(self) -> str:
        """See `RealLogin.token`."""
        response = self._answer(action="query", meta="tokens", type="login")
        name, _, value = response.headers["Set-Cookie"].partition(";")[0].partition("=")
        self._cookies[name] = value
        token: str = orjson.loads(join_plain(response.pieces))["query"]["tokens"]["logintoken"]
        return token

    def log_in(self, token: str | None) -> dict[str, Any]:
        """See `RealLogin.log_in`."""
        tokens = {} if token is None else {"lgtoken": token}
        response = self._answer(action="login", lgname="Admin", lgpassword="wrong", **tokens)
        found: dict[str, Any] = orjson.loads(join_plain(response.pieces))["login"]
        return found

    def _answer(self, **parameters: str) -> WikiResponse:
        response = self._accounts.respond("/w/api.php", parameters, self._cookies, domain="wiki.example")
        assert response is not None
        return response


def classified(login: dict[str, Any]) -> LoginRefusal:
    """Return the row of the table for an answer."""
    found = classify_login_result(login)
    assert found is not None, login
    return found


@pytest.mark.parametrize("token", ["valid", "wrong", "missing"])
def test_refused_logins_are_the_same(mediawiki: RealMediaWiki, token: str) -> None:
    """A wrong password, a wrong token and a missing token have the same result on both wikis."""
    results = []
    for session in (RealLogin(mediawiki), SmallLogin(Accounts({"Admin": "right"}))):
        valid = session.token()
        sent = {"valid": valid, "wrong": "0123456789abcdef+\\", "missing": None}[token]
        results.append(session.log_in(sent))
    real, small = map(classified, results)
    expected = LoginAnswer.WRONG_CREDENTIALS if token == "valid" else LoginAnswer.SESSION_LOST
    assert (real.rule.answer, small.rule.answer) == (expected, expected), results
    assert results[0]["result"] == results[1]["result"]


def test_throttled_login_states_its_wait(mediawiki: RealMediaWiki) -> None:
    """The wait is read from the text of the real wiki, and the small wiki has the same row."""
    mediawiki.add_setting(THROTTLE)
    deadline = time.monotonic() + TIMEOUT
    while True:  # until PHP has read the setting, and the throttle counts the attempts
        session = RealLogin(mediawiki)
        real = classified(session.log_in(session.token(), "Throttled"))
        if real.rule.answer is LoginAnswer.THROTTLED:
            break
        assert time.monotonic() < deadline, real
    mediawiki.add_setting("$wgPasswordAttemptThrottle = [];")
    assert real.wait is not None
    assert 240.0 <= real.wait <= 300.0
    accounts = Accounts({})
    accounts.refuse("too many attempts")
    small = classified(SmallLogin(accounts).log_in(None))
    assert small.rule.answer is real.rule.answer
