from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict
from tests.unit.adapters.http.http_server import Respond, serving

from wikistate.adapters.compression.decoder import DamagedError
from wikistate.adapters.http.client import (
    HttpClient,
    HttpResponse,
    HttpSettings,
    build_user_agent,
    failure_of,
    kind_of_error,
    parse_retry_after,
)
from wikistate.adapters.http.routes import Endpoint
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Serve = Callable[[Respond], Awaitable[Endpoint]]
PLACE = Endpoint("https://wiki.example/w/api.php", None)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Yield a function that starts servers with one function for all responses."""
    async with AsyncExitStack() as servers:

        async def start(respond: Respond) -> Endpoint:
            return Endpoint(await servers.enter_async_context(serving(respond)) + "/w/api.php", None)

        yield start


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """Yield an open client with short time-outs."""
    client = HttpClient(HttpSettings(user_agent="test (me@example.org)", read_timeout=1.0, total_timeout=10.0))
    await client.open()
    yield client
    await client.close()


async def ask(client: HttpClient, endpoint: Endpoint, limit: int = 1000) -> HttpResponse | Failure:
    """Send a simple request."""
    return await client.request(endpoint, "a=b%7Cc", headers={"X-Ours": "1"}, limit=limit)


async def test_request_is_sent_as_given(client: HttpClient, serve: Serve) -> None:
    """The query is not encoded again; User-Agent and Accept-Encoding are sent; the body is decompressed."""
    seen: list[web.Request] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(body=gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"})

    answer = await ask(client, await serve(respond))
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.body) == (200, b"hello")
    (request,) = seen
    assert request.raw_path == "/w/api.php?a=b%7Cc"
    assert request.headers["User-Agent"] == "test (me@example.org)"
    assert request.headers["Accept-Encoding"] == "gzip"
    assert request.headers["X-Ours"] == "1"


async def test_host_and_form_are_sent(client: HttpClient, serve: Serve) -> None:
    """The host of an endpoint is the host that the server sees; a form makes a POST."""
    seen: list[tuple[str, str, str]] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append((request.method, request.headers["Host"], await request.text()))
        return web.Response(text="ok")

    endpoint = await serve(respond)
    await client.request(Endpoint(endpoint.url, "de.wikipedia.org"), "", headers={}, limit=10, form="a=1&b=2")
    assert seen == [("POST", "de.wikipedia.org", "a=1&b=2")]


async def test_redirects_are_not_followed(client: HttpClient, serve: Serve) -> None:
    """A redirect is a response; its target is never requested."""
    asked: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    answer = await ask(client, await serve(respond))
    assert isinstance(answer, HttpResponse)
    assert answer.status == 302
    assert asked == ["/w/api.php"]


@pytest.mark.parametrize("announced", [True, False])
async def test_body_beyond_the_limit_is_a_failure(client: HttpClient, serve: Serve, *, announced: bool) -> None:
    """The rule holds for a body with an announced length and for one in endless chunks."""
    left = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        if announced:
            return web.Response(body=bytes(2000))
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(65536))
        except ConnectionError:
            left.set()
            raise

    answer = await ask(client, await serve(respond))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.TOO_LARGE
    assert "1000 bytes" in answer.detail
    if not announced:
        await asyncio.wait_for(left.wait(), 5)


async def test_body_of_an_error_response_does_not_matter(client: HttpClient, serve: Serve) -> None:
    """The status is returned even if the body is longer than the limit."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=503, body=bytes(100_000), headers={"Retry-After": "7"})

    answer = await ask(client, await serve(respond))
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.headers["retry-after"]) == (503, "7")


async def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _hang(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


async def _cut_short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport is not None
    request.transport.close()
    return response


async def _no_gzip(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<html>", headers={"Content-Encoding": "gzip"})


async def _half_gzip(_: web.Request) -> web.StreamResponse:
    return web.Response(body=gzip.compress(b"hello")[:-4], headers={"Content-Encoding": "gzip"})


async def _brotli(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"x", headers={"Content-Encoding": "br"})


@pytest.mark.parametrize(
    ("respond", "kind"),
    [
        (_reset, FailureKind.CONNECTION_FAILED),
        (_hang, FailureKind.READ_TIMEOUT),
        (_cut_short, FailureKind.CONNECTION_FAILED),
        (_no_gzip, FailureKind.UNPARSABLE),
        (_half_gzip, FailureKind.UNPARSABLE),
        (_brotli, FailureKind.UNPARSABLE),
    ],
)
async def test_faults_of_servers_are_failures(
    client: HttpClient, serve: Serve, respond: Respond, kind: FailureKind
) -> None:
    """The client returns a failure of the right kind for each fault."""
    answer = await ask(client, await serve(respond))
    assert isinstance(answer, Failure)
    assert answer.kind is kind


async def test_closed_port_is_a_failed_connection(client: HttpClient, unused_tcp_port: int) -> None:
    """The connection is refused."""
    answer = await ask(client, Endpoint(f"http://127.0.0.1:{unused_tcp_port}/", None))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.CONNECTION_FAILED


async def test_client_that_is_not_open_returns_a_failure() -> None:
    """A defect in the caller is a failure, too, and not an exception in the middle of a batch."""
    answer = await ask(HttpClient(HttpSettings()), PLACE)
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.INTERNAL


KEY = ConnectionKey("wiki.example", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.ConnectionTimeoutError("slow"), FailureKind.CONNECT_TIMEOUT),
        (aiohttp.SocketTimeoutError("slow"), FailureKind.READ_TIMEOUT),
        (aiohttp.ServerTimeoutError("slow"), FailureKind.READ_TIMEOUT),
        (TimeoutError(), FailureKind.READ_TIMEOUT),
        (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), FailureKind.CONNECTION_FAILED),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown")), FailureKind.CONNECTION_FAILED),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "handshake")), FailureKind.CONNECTION_FAILED),
        (
            aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError(1, "expired")),
            FailureKind.CONNECTION_FAILED,
        ),
        (aiohttp.ClientOSError(104, "reset"), FailureKind.CONNECTION_FAILED),
        (aiohttp.ClientConnectionResetError("closing"), FailureKind.CONNECTION_FAILED),
        (aiohttp.ServerDisconnectedError(), FailureKind.CONNECTION_FAILED),
        (aiohttp.ServerFingerprintMismatch(b"a", b"b", "wiki.example", 443), FailureKind.CONNECTION_FAILED),
        (aiohttp.ClientPayloadError("cut short"), FailureKind.CONNECTION_FAILED),
        (ConnectionResetError(104, "reset"), FailureKind.CONNECTION_FAILED),
        (BrokenPipeError(32, "broken"), FailureKind.CONNECTION_FAILED),
        (OSError(101, "unreachable"), FailureKind.CONNECTION_FAILED),
        (aiohttp.InvalidURL("http://[", "brackets"), FailureKind.INVALID_REQUEST),
        (aiohttp.NonHttpUrlClientError("ftp://x"), FailureKind.INVALID_REQUEST),
        (aiohttp.ClientError("other"), FailureKind.CONNECTION_FAILED),
        (DamagedError("incorrect header"), FailureKind.UNPARSABLE),
        (ValueError("control characters in a header"), FailureKind.INTERNAL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_exception_has_its_failure(error: Exception, kind: FailureKind) -> None:
    """Foreign exceptions become failures in one place; the detail has the address and the cause."""
    failure = failure_of(error, PLACE)
    assert failure.kind is kind
    assert type(error).__name__ in failure.detail
    assert "wiki.example" in failure.detail


def test_no_exception_of_aiohttp_is_an_internal_failure() -> None:
    """Each class below `ClientError` is mapped, including those that a later aiohttp adds."""

    def classes(base: type[Exception]) -> list[type[Exception]]:
        return [base, *(found for sub in base.__subclasses__() for found in classes(sub))]

    for found in classes(aiohttp.ClientError):
        # Without the constructor, whose arguments differ between the classes; some cannot be printed then.
        error = found.__new__(found, 1, "x")
        assert kind_of_error(error) is not FailureKind.INTERNAL, found


NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("\u0665", None),  # a digit, but not of ASCII
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    """Both forms of RFC 9110 are parsed; any other value counts as missing."""
    assert parse_retry_after(CIMultiDict({"retry-after": value}), NOW) == seconds


def test_retry_after_may_be_absent() -> None:
    """Without the header there is no delay."""
    assert parse_retry_after({}, NOW) is None


def test_user_agent_names_the_contact() -> None:
    """Wikimedia's policy asks for name, version, contact and library."""
    assert "(ops@wiki.example)" in build_user_agent("ops@wiki.example")
    assert build_user_agent("x").startswith("wikistate/")


async def test_invalid_ca_bundle_is_a_configuration_error(tmp_path: Path) -> None:
    """For an absent file and one that is not PEM the error names the setting."""
    (tmp_path / "no.pem").write_text("no certificates here")
    for name in ("no.pem", "absent.pem"):
        with pytest.raises(ConfigError) as caught:
            await HttpClient(HttpSettings(ca_bundle=tmp_path / name)).open()
        assert caught.value.ids["key"] == "ssl_ca_bundle_path"
