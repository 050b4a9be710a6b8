"""Accounts of a private wiki: logins, the answers that refuse them, and the responses to requests without a login.

Source: MediaWiki documentation (Manual:Preventing access, API:Login, API:Assert).
"""

from __future__ import annotations

import secrets
from collections import deque
from typing import TYPE_CHECKING, Literal, Self

from wikistate.testing.wiki import responses
from wikistate.testing.wiki.responses import ApiUsageError, WikiResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

LoginRefusalName = Literal[
    "session timed out",
    "NeedToken",
    "WrongToken",
    "badtoken",
    "Throttled",
    "too many attempts",
    "captcha",
    "Aborted",
    "Blocked",
    "WrongPass",
    "NotExists",
    "Failed",
    "readonly",
    "maxlag",
    "503",
    "403",
    "web page",
    "empty",
]
"""The answers of a wiki that refuses a login, one for each row of the table of logins and more."""

INCORRECT_CREDENTIALS = "Incorrect username or password entered.\nPlease try again."
TOO_MANY_ATTEMPTS = "You have made too many recent login attempts.\nPlease wait {seconds} seconds before trying again."
SESSION_TIMED_OUT = "Unable to continue login. Your session most likely timed out."
_COOKIE = "small_wiki_session"
_REASONS: dict[str, str] = {
    "session timed out": SESSION_TIMED_OUT,
    "captcha": "Incorrect or missing CAPTCHA.",
    "Failed": "The wiki does not like this login.",
}
_API_ERRORS: dict[str, str] = {
    "badtoken": "Invalid CSRF token.",
    "readonly": "The wiki is currently in read-only mode.",
}
_PAGES: dict[str, WikiResponse] = {
    "503": responses.make_html("<!DOCTYPE html><title>Sorry</title>", status=503),
    "403": responses.make_html("<!DOCTYPE html><title>Sorry</title>", status=403),
    "web page": responses.make_html("<!DOCTYPE html><title>Maintenance</title>"),
    "empty": responses.make_html(""),
}


class Accounts:
    """Accounts of a wiki that shows nothing to anonymous users, and their sessions.

    Args:
        passwords: Passwords by the name of the account or bot password.

    Attributes:
        wait: Seconds that a throttled login is asked to wait.
        logins: Number of attempts to log in.
        forgotten_logins: Number of first logins whose sessions the wiki forgets at once.
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.wait = 1
        self.logins = 0
        self.forgotten_logins = 0
        self._passwords = passwords
        self._tokens: dict[str, str] = {}
        self._sessions: set[str] = set()
        self._refusals: deque[LoginRefusalName] = deque()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the one account in ``NAME:PASSWORD``, the value of the option ``--private``. Raises `ValueError`."""
        name, _, password = text.partition(":")
        if not (name and password):
            raise ValueError(text)
        return cls({name: password})

    def refuse(self, *answers: LoginRefusalName) -> None:
        """Refuse the next logins, each with one of these answers."""
        self._refusals.extend(answers)

    def end_sessions(self) -> None:
        """Log all users out, as a restart of the session store does."""
        self._sessions.clear()

    def respond(
        self, path: str, params: Mapping[str, str], cookies: Mapping[str, str], *, domain: str
    ) -> WikiResponse | None:
        """Return the response to a login, or to a request without one; None for a request of a logged-in user."""
        is_api = path.endswith("api.php")
        if is_api and params.get("action") == "login":
            return self._log_in(params, cookies, domain)
        if is_api and params.get("meta") == "tokens" and params.get("type") == "login":
            return self._start_session()
        if cookies.get(_COOKIE) in self._sessions:
            return None
        if is_api and params.get("assert") == "user":
            refusal = ApiUsageError(
                "assertuserfailed", "You are no longer logged in, so the action could not be completed."
            )
            return responses.make_error(refusal, domain=domain, error_format="bc")
        return responses.make_login_required(domain, path)

    def _start_session(self) -> WikiResponse:
        session, token = secrets.token_hex(), f"{secrets.token_hex()}+\\"
        self._tokens[session] = token
        response = responses.make_json({"batchcomplete": True, "query": {"tokens": {"logintoken": token}}})
        # The path makes the session valid for pages, which are outside the folder of the API.
        return response._replace(headers={**response.headers, "Set-Cookie": f"{_COOKIE}={session}; path=/; HttpOnly"})

    def _log_in(self, params: Mapping[str, str], cookies: Mapping[str, str], domain: str) -> WikiResponse:
        self.logins += 1
        if self._refusals:
            return self._refuse(self._refusals.popleft(), domain)
        session = cookies.get(_COOKIE, "")
        if not params.get("lgtoken") or session not in self._tokens:
            return _make_login(result="NeedToken", token=self._tokens.get(session, "unknown+\\"))
        if self._tokens.pop(session) != params["lgtoken"]:
            return _make_login(result="WrongToken")
        if self._passwords.get(params.get("lgname", "")) != params.get("lgpassword"):
            return _make_login(result="Failed", reason=INCORRECT_CREDENTIALS)
        if self.logins > self.forgotten_logins:
            self._sessions.add(session)
        return _make_login(result="Success", lguserid=1, lgusername=params["lgname"].partition("@")[0])

    def _refuse(self, answer: LoginRefusalName, domain: str) -> WikiResponse:
        if answer in _REASONS or answer == "too many attempts":
            reason = _REASONS.get(answer) or TOO_MANY_ATTEMPTS.format(seconds=self.wait)
            return _make_login(result="Failed", reason=reason)
        if answer in _API_ERRORS or answer == "maxlag":
            refusal = responses.make_maxlag_error(9.0, 5)
            if answer in _API_ERRORS:
                refusal = ApiUsageError(answer, _API_ERRORS[answer])
            return responses.make_error(refusal, domain=domain, error_format="bc")
        if answer in _PAGES:
            return _PAGES[answer]
        return _make_login(result=answer, **({"wait": self.wait} if answer == "Throttled" else {}))


def _make_login(**login: str | int) -> WikiResponse:
    return responses.make_json({"login": login})
