"""Responses of the Action API: documents and errors, which are HTTP 200 as well ("API:Errors and warnings")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from wikistate.testing.wiki.cached_bodies import CachedBody

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=UTF-8"
SERVED_BY = "mw-api-small-01"


class WikiResponse(NamedTuple):
    """HTTP response before compression.

    Attributes:
        pieces: Parts of the body.
        headers: Headers beside the usual ones.
        status: HTTP status.
        content_type: Type of the body.
    """

    pieces: list[CachedBody]
    headers: Mapping[str, str] = {}
    status: int = 200
    content_type: str = JSON


class ApiUsageError(Exception):
    """Error for a request that the Action API refuses.

    Args:
        code: Code of the error.
        text: Human-readable text of the error.
        headers: Headers beside ``MediaWiki-API-Error``.
        more: Further members of the error object.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, str | float] | None = None,
    ) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.headers = headers or {}
        self.more = more or {}


def make_json(body: Mapping[str, Any]) -> WikiResponse:
    """Make a response with a JSON document."""
    return WikiResponse([CachedBody(orjson.dumps(body))])


def make_html(body: str, *, status: int = 200, content_type: str = HTML) -> WikiResponse:
    """Make a response with HTML or another text."""
    return WikiResponse([CachedBody(body.encode())], status=status, content_type=content_type)


def make_error(refusal: ApiUsageError, *, domain: str, error_format: str) -> WikiResponse:
    """Make the response to a refused request: one ``error`` in the old format ``bc``, a list ``errors`` in all others."""
    see = f"See https://{domain}/w/api.php for API usage."
    if error_format == "bc":
        error = {"code": refusal.code, "info": refusal.text, **refusal.more, "docref": see}
        body: dict[str, Any] = {"error": error, "servedby": SERVED_BY}
    else:
        name = "html" if error_format == "html" else "text"
        entry: dict[str, Any] = {"code": refusal.code, name: refusal.text, "module": "main"}
        body = {"errors": [entry | {"data": dict(refusal.more)} if refusal.more else entry], "docref": see}
        body["servedby"] = SERVED_BY
    headers = {"MediaWiki-API-Error": refusal.code, **refusal.headers}
    return WikiResponse([CachedBody(orjson.dumps(body))], headers)


def make_maxlag_error(seconds: float, limit: float) -> ApiUsageError:
    """Make the error for a request with a ``maxlag`` below the replica lag ("Manual:Maxlag parameter")."""
    return ApiUsageError(
        "maxlag",
        f"Waiting for 10.64.16.7: {seconds:g} seconds lagged.",
        headers={"Retry-After": str(max(int(limit), 5)), "X-Database-Lag": str(int(seconds))},
        more={"host": "10.64.16.7", "lag": seconds, "type": "db"},
    )


def make_redirect(url: str, *, status: int) -> WikiResponse:
    """Make a redirect to a full address."""
    return make_html("", status=status)._replace(headers={"Location": url})


def make_login_required(domain: str, path: str) -> WikiResponse:
    """Make the response of a private wiki to a request without permission to read ("Manual:Preventing access").

    The page that asks for a login has the status 200.
    """
    if path.endswith("api.php"):
        refusal = ApiUsageError("readapidenied", "You need read permission to use this module.")
        return make_error(refusal, domain=domain, error_format="bc")
    return make_html("<!DOCTYPE html><title>Login required</title>You must log in to view other pages.")
