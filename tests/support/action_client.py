"""Client of the Action API as a logged-in user, for tests that change a real wiki."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT = 60.0  # seconds for one response


class ActionClient:
    """Session with one wiki. Its calls block, and only one thread at a time may use it.

    Args:
        host: Host and port.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._cookies: dict[str, str] = {}

    def log_in(self, user: str, password: str) -> None:
        """Log in. Raises `WikiError` when the wiki rejects the user."""
        answer = self.call_with_token(
            "clientlogin", "login", username=user, password=password, loginreturnurl="http://localhost/"
        )
        status = answer["clientlogin"]["status"]
        if status != "PASS":
            raise WikiError(f"The wiki rejected the login of {user}: {status}.", user=user)

    def call(self, parameters: Mapping[str, str | int]) -> dict[str, Any]:
        """Send one request to the Action API, format version 2.

        Raises:
            WikiError: The wiki is unreachable or responds with an error.
        """
        body = urlencode({"format": "json", "formatversion": 2, "errorformat": "plaintext", **parameters})
        status, answer = self._request("POST", "/api.php", body)
        try:
            document: dict[str, Any] = orjson.loads(answer)
        except ValueError as error:
            raise WikiError(f"The wiki answered {status} without JSON: {answer[:500]!r}", status=status) from error
        if "errors" in document:
            errors = "; ".join(f"{error['code']}: {error['text']}" for error in document["errors"])
            action = parameters.get("action")
            raise WikiError(f"The wiki refused action={action}: {errors}", action=action)
        return document

    def call_with_token(self, action: str, purpose: str = "csrf", **parameters: str | int) -> dict[str, Any]:
        """Fetch a token of the type `purpose` and send an action with it. Raises `WikiError` as `call` does."""
        tokens = self.call({"action": "query", "meta": "tokens", "type": purpose})["query"]["tokens"]
        field = "token" if purpose == "csrf" else f"{purpose}token"
        return self.call({"action": action, field: tokens[f"{purpose}token"], **parameters})

    def fetch_page(self, parameters: Mapping[str, str | int]) -> bytes:
        """Return the body of ``index.php``. Raises `WikiError` when the status is not 200."""
        status, body = self._request("GET", f"/index.php?{urlencode(parameters)}")
        if status != 200:
            raise WikiError(f"The wiki answered {status} to {dict(parameters)}.", status=status)
        return body

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        connection = HTTPConnection(self._host, timeout=_TIMEOUT)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            raise WikiError(f"The wiki at {self._host} does not answer: {error}") from error
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            self._cookies.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
        return answer.status, content
