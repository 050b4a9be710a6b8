"""HTTP as wikistate speaks it: routes, time-outs, bounded bodies, and one place where errors become failures.

What comes back is a value: an `HttpResponse` or a `Failure`. Neither holds on to a response or an exception, which would
keep buffers and frames alive for as long as an event is in flight (T332948).
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from yarl import URL

import wikistate
from wikistate.adapters.http.body import read_bounded
from wikistate.adapters.http.routes import Endpoint, Routes
from wikistate.adapters.http.stream import ByteStream, check_encoding
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from multidict import CIMultiDictProxy

OK = 200

ERROR_BODY = 65_536
"""Bytes of the body of an error answer that are read, so that its connection can be used again."""

_READ_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How requests are made.

    Attributes:
        user_agent: Sent with each request. Public wikis want it to name a contact; see `build_user_agent`.
        routes: Origin to origin: requests for the first are sent to the second, with the first one's host in ``Host``.
            For a service mesh whose sidecar listens on loopback.
        ca_bundle: A file of certificates to trust instead of the system's.
        connect_timeout: Seconds until a connection must stand.
        read_timeout: Seconds that may pass without a byte.
        total_timeout: Seconds until the last byte of an answer must be there.
        max_connections: Connections at the same time, to all servers together.
        gzip: Ask for compressed answers. Costs some 30 µs of CPU for 10 KB; wasted within one machine.
    """

    user_agent: str = f"wikistate/{wikistate.__version__}"
    routes: Mapping[str, str] = field(default_factory=dict)
    ca_bundle: Path | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 65.0
    total_timeout: float = 65.0
    max_connections: int = 100
    gzip: bool = True


class HttpResponse(NamedTuple):
    """A complete answer. `headers` look names up regardless of case; `body` is decompressed."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class HttpClient:
    """The session: `open` once, `request` from any task, `close` once."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._routes = Routes(settings.routes)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the session. Nothing is sent.

        Raises:
            ConfigError: The CA bundle cannot be read.
        """
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.max_connections, ssl=build_tls_context(settings.ca_bundle), ttl_dns_cache=60
            ),
            timeout=aiohttp.ClientTimeout(
                total=settings.total_timeout,
                sock_connect=settings.connect_timeout,
                sock_read=settings.read_timeout,
            ),
            headers={
                "User-Agent": settings.user_agent,
                "Accept-Encoding": "gzip" if settings.gzip else "identity",
            },
            # Cookies of wikis that share one endpoint would mix in a jar: whoever logs in keeps them.
            cookie_jar=aiohttp.DummyCookieJar(),
            # Decompressed here, within the limit of each request.
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
        )
        # aiohttp asks once more by itself when a connection that was used before breaks; there is no public switch. How
        # often a wiki is asked is the failure table's to say, and a count that nobody sees doubles the load of an outage.
        self._session._retry_connection = False  # noqa: SLF001

    async def close(self) -> None:
        """Drop all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def endpoint(self, url: str, host: str | None = None) -> Endpoint:
        """See `Routes.resolve`."""
        return self._routes.resolve(url, host)

    async def request(
        self,
        endpoint: Endpoint,
        query: str,
        *,
        headers: Mapping[str, str],
        limit: int,
        form: str | None = None,
        body: bytes | None = None,
    ) -> HttpResponse | Failure:
        """One request. Redirects are not followed.

        Args:
            endpoint: Where to.
            query: Percent-encoded; empty for none.
            headers: Beside those of every request.
            limit: Bytes that the body may have, decompressed. Bounded while it is read.
            form: A URL-encoded form makes it a POST.
            body: So does any other body, whose ``Content-Type`` is among the headers.
        """
        if self._session is None:
            return Failure(FailureKind.INTERNAL, "The HTTP client is not open")
        try:
            async with self._session.request(
                "GET" if form is None and body is None else "POST",
                URL(f"{endpoint.url}?{query}" if query else endpoint.url, encoded=True),
                headers=_headers(endpoint, headers, form),
                data=body if form is None else form,
                allow_redirects=False,
            ) as response:
                return await _read_response(response, limit)
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
            return failure_of(error, endpoint)

    async def stream(
        self, endpoint: Endpoint, query: str, *, headers: Mapping[str, str]
    ) -> ByteStream | HttpResponse | Failure:
        """One request whose answer goes on: no time-out after its first byte but what its reader has patience for.

        Args:
            endpoint: Where to.
            query: Percent-encoded; empty for none.
            headers: Beside those of every request.

        Returns:
            An answer that is not 200 is read to its end, as by `ask`.
        """
        if self._session is None:
            return Failure(FailureKind.INTERNAL, "The HTTP client is not open")
        settings = self._settings
        endless = aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout, sock_read=None)
        try:
            async with asyncio.timeout(settings.total_timeout):
                response = await self._session.get(
                    URL(f"{endpoint.url}?{query}" if query else endpoint.url, encoded=True),
                    headers=_headers(endpoint, headers, None),
                    allow_redirects=False,
                    timeout=endless,
                )
                if response.status != OK:
                    async with response:
                        return await _read_response(response, ERROR_BODY)
            if failure := check_encoding(response):
                response.close()
                return failure
            return ByteStream(response, partial(failure_of, endpoint=endpoint))
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
            return failure_of(error, endpoint)


def _headers(endpoint: Endpoint, headers: Mapping[str, str], form: str | None) -> dict[str, str]:
    sent = dict(headers)
    if endpoint.host is not None:
        sent["Host"] = endpoint.host
    if form is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    return sent


async def _read_response(response: aiohttp.ClientResponse, limit: int) -> HttpResponse | Failure:
    if response.status == OK:
        body = await read_bounded(response, limit)
        return body if isinstance(body, Failure) else HttpResponse(OK, response.headers, body)
    # The status says it all: a body that is too long or damaged does not change the verdict.
    body = await read_bounded(response, ERROR_BODY)
    return HttpResponse(response.status, response.headers, b"" if isinstance(body, Failure) else body)


def failure_of(error: BaseException, endpoint: Endpoint) -> Failure:
    """The failure that an exception of aiohttp, the system or zlib stands for. The only such place.

    The text is kept, the exception is not.
    """
    return Failure(kind_of_error(error), f"{endpoint.host or endpoint.url}: {type(error).__name__}: {error!s:.200}")


def kind_of_error(error: BaseException) -> FailureKind:
    """The kind alone. What no rule knows is a defect of ours."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return FailureKind.CONNECT_TIMEOUT
        case TimeoutError():
            return FailureKind.READ_TIMEOUT
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | aiohttp.RedirectClientError():
            return FailureKind.INVALID_REQUEST
        case aiohttp.ClientResponseError() | zlib.error():
            return FailureKind.UNPARSABLE
        case aiohttp.ClientError() | OSError():
            return FailureKind.CONNECTION_FAILED
        case _:
            return FailureKind.INTERNAL


def build_tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Certificates are always checked: against the system's authorities or those of the file.

    Raises:
        ConfigError: The file cannot be read or holds no certificates.
    """
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise ConfigError(
            f"The CA bundle {ca_bundle} cannot be used: {error.strerror or error}.",
            hint="It must be a file of PEM certificates.",
            key="ssl_ca_bundle_path",
        ) from error


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait: a number or an HTTP date (RFC 9110, section 10.2.3).

    Args:
        headers: Of the answer.
        now: Seconds since the epoch.

    Returns:
        Not below 0; None where there is no such header or it cannot be read.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)


def build_user_agent(contact: str) -> str:
    """A User-Agent that names a contact, as Wikimedia's User-Agent policy asks for.

    Args:
        contact: An e-mail address or the URL of a page; empty for none.
    """
    named = f" ({contact})" if contact else ""
    return f"wikistate/{wikistate.__version__}{named} aiohttp/{aiohttp.__version__}"
