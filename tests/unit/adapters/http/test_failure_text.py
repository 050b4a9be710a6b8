"""Text of the failure of a request: it is written to logs and error events, and holds no secret."""

from __future__ import annotations

import aiohttp
import pytest

from wikistate.adapters.http.client import failure_of
from wikistate.adapters.http.routes import Endpoint
from wikistate.secret import Secret

URL = "https://me:hunter2@wiki.example/w/api.php?access_token=hunter2&format=json"
ANSWER = aiohttp.http_exceptions.BadHttpMessage("hunter2-hunter2 refused")


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.InvalidURL(URL),
        aiohttp.NonHttpUrlClientError(URL, "is wrong"),
        OSError(f"proxy {URL} refuses"),
        ValueError(f"Newline in header: Bearer hunter2-hunter2 {URL}"),
        ANSWER,
    ],
    ids=lambda error: type(error).__name__,
)
def test_failure_names_the_server_and_no_secret(error: Exception) -> None:
    """A library quotes the URL or the header that it was given."""
    secret = Secret("hunter2-hunter2")
    failure = failure_of(error, Endpoint(URL, None))
    assert "wiki.example" in failure.detail
    assert "hunter2" not in failure.detail
    assert secret.reveal() == "hunter2-hunter2"
