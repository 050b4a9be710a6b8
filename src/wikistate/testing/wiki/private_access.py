"""Access to a private wiki: a login with a bot password, and the responses to all other requests.

Source: MediaWiki documentation (Manual:Preventing access, API:Login, API:Assert).
"""

from __future__ import annotations

import secrets
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

from wikistate.testing.wiki import responses
from wikistate.testing.wiki.responses import ApiUsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.testing.wiki.responses import WikiResponse

_COOKIE = "wiki_session"


class PrivateAccess:
    """Access of one bot to a wiki that shows nothing to anonymous users.

    Args:
        name: Name of the bot password, ``Account@purpose``.
        password: Bot password.
    """

    def __init__(self, name: str, password: str) -> None:
        self._name = name
        self._password = password
        self._tokens: set[str] = set()
        self._sessions: set[str] = set()

    def end_sessions(self) -> None:
        """Log all users out."""
        self._sessions.clear()

    def respond(self, path: str, params: Mapping[str, str], cookies: str, *, domain: str) -> WikiResponse | None:
        """Return the response to a login, or to a request without one; None for a request of a logged-in user."""
        if path.endswith("api.php"):
            match params:
                case {"action": "query", "meta": "tokens", "type": "login"}:
                    self._tokens.add(token := f"{secrets.token_hex(8)}+\\")
                    return responses.make_json({"query": {"tokens": {"logintoken": token}}})
                case {"action": "login"}:
                    return self._log_in(params)
                case _:
                    pass
        session = SimpleCookie(cookies).get(_COOKIE)
        if session is not None and session.value in self._sessions:
            return None
        if params.get("assert") == "user":
            text = "You are no longer logged in, so the action could not be completed."
            return responses.make_error(ApiUsageError("assertuserfailed", text), domain=domain, error_format="bc")
        return responses.make_login_required(domain, path)

    def _log_in(self, params: Mapping[str, str]) -> WikiResponse:
        if params.get("lgtoken", "") not in self._tokens:
            return responses.make_json({"login": {"result": "NeedToken"}})
        if (params.get("lgname"), params.get("lgpassword")) != (self._name, self._password):
            return responses.make_json({"login": {"result": "Failed", "reason": "Incorrect username or password"}})
        self._sessions.add(session := secrets.token_hex(8))
        answer = responses.make_json({"login": {"result": "Success", "lgusername": self._name.partition("@")[0]}})
        return answer._replace(headers={**answer.headers, "Set-Cookie": f"{_COOKIE}={session}; path=/; HttpOnly"})
