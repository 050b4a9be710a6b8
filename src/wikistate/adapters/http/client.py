"""The HTTP client: routes, timeouts, bounded bodies, and one function that maps errors to failures.

A request returns a value: an `HttpResponse` or a `Failure`. Neither references a response or an exception of the client
library, which would keep buffers and frames alive for as long as an event is in flight (T332948).
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from yarl import URL

import wikistate
from wikistate.adapters.compression.decoder import DamagedError
from wikistate.adapters.http.body import read_bounded
from wikistate.adapters.http.origins import GuardedResolver, Origins, RefusedAddressError, try_origin
from wikistate.adapters.http.routes import Endpoint, Routes
from wikistate.adapters.http.server_answers import SERVER_ANSWERS
from wikistate.adapters.http.stream import ByteStream, check_encoding
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.events.timestamps import parse_http_date
from wikistate.errors import ConfigError
from wikistate.secret import mask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aiohttp.abc import AbstractResolver
    from multidict import CIMultiDictProxy

    from wikistate.adapters.http.contact_notice import ContactNotice
    from wikistate.adapters.http.credentials import Credential

OK = 200

ERROR_BODY = 65_536
"""Bytes of the body of an error response that are read, so that its connection can be reused."""

_READ_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Settings of the HTTP client.

    Attributes:
        user_agent: Value of the header ``User-Agent``. Public wikis want it to name a contact; see `build_user_agent`.
        routes: Mapping of origin to origin: requests for the first are sent to the second, with the host of the first in
            ``Host``. For a service mesh whose sidecar listens on loopback.
        ca_bundle: File of certificates to trust instead of those of the system.
        connect_timeout: Longest time to establish a connection, in seconds.
        read_timeout: Longest time without a byte, in seconds.
        total_timeout: Longest time until the last byte of a response, in seconds.
        max_connections: Largest number of concurrent connections to all servers together.
        origins: Servers that requests may be sent to; None for any server and any address.
        gzip: Whether to request compressed responses. It costs some 30 µs of CPU for 10 KB, which is wasted within one
            machine.
        credentials: Credentials for documents by the origin of their server. They are not shown.
        contact_notice: Notice of a missing contact; None if the user agent names one.
    """

    user_agent: str = f"wikistate/{wikistate.__version__}"
    routes: Mapping[str, str] = field(default_factory=dict)
    ca_bundle: Path | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 65.0
    total_timeout: float = 65.0
    max_connections: int = 100
    gzip: bool = True
    origins: Origins | None = field(default=None, repr=False, compare=False)
    credentials: Mapping[str, Credential] = field(default_factory=dict, repr=False, compare=False)
    contact_notice: ContactNotice | None = field(default=None, repr=False, compare=False)


class HttpResponse(NamedTuple):
    """Complete HTTP response.

    Attributes:
        status: Status code.
        headers: Headers, with names that ignore case.
        body: Decompressed body.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class HttpClient:
    """HTTP session. Protocol: `open` once, `request` from any task, `close` once.

    Args:
        settings: Settings of the client.
        resolver: Resolver of names; None for that of the system. Its results are checked; see `GuardedResolver`.
    """

    def __init__(self, settings: HttpSettings, *, resolver: AbstractResolver | None = None) -> None:
        self._settings = settings
        self._resolver = resolver
        self._guard: GuardedResolver | None = None
        self._routes = Routes(settings.routes)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the session. No request is sent.

        Raises:
            ConfigError: The CA bundle cannot be read.
        """
        settings = self._settings
        self._guard = None if settings.origins is None else GuardedResolver(settings.origins, self._resolver)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.max_connections,
                ssl=build_tls_context(settings.ca_bundle),
                ttl_dns_cache=60,
                resolver=self._guard,
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
            # Cookies of wikis that share one endpoint would mix in a jar: each login session keeps its own.
            cookie_jar=aiohttp.DummyCookieJar(),
            # Decompressed here, within the limit of each request.
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
        )
        # aiohttp repeats a request when a reused connection breaks, and has no public switch for it. The table of failures
        # alone decides about retries: a repeat that it does not count doubles the load during an outage.
        self._session._retry_connection = False  # noqa: SLF001

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._guard is not None:
            await self._guard.close()
            self._guard = None

    @property
    def origins(self) -> Origins:
        """Servers that requests may be sent to."""
        return self._settings.origins or Origins()

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
        method: str = "",
    ) -> HttpResponse | Failure:
        """Send one request. Redirects are not followed.

        Args:
            endpoint: Address of the request.
            query: Percent-encoded query string, or empty.
            headers: Headers in addition to those of every request.
            limit: Largest size of the decompressed body, in bytes; enforced while the body is read.
            form: URL-encoded form, which makes the request a POST.
            body: Any other body, which makes the request a POST as well; its ``Content-Type`` is among the headers.
            method: Method of the request, if it is neither GET nor POST.
        """
        if self._session is None:
            return Failure(FailureKind.INTERNAL, "The HTTP client is not open")
        if refusal := self._refuse(endpoint):
            return refusal
        try:
            url = URL(f"{endpoint.url}?{query}" if query else endpoint.url, encoded=True)
            if self._settings.contact_notice is not None:
                self._settings.contact_notice.note_request(url.host or "")
            with SERVER_ANSWERS.await_answer(endpoint.host or url.authority) as note_status:
                async with self._session.request(
                    method or ("GET" if form is None and body is None else "POST"),
                    url,
                    headers=_headers(endpoint, headers, form),
                    data=body if form is None else form,
                    allow_redirects=False,
                ) as response:
                    answer = await _read_response(response, limit)
                note_status(response.status)
                return answer
        except (aiohttp.ClientError, OSError, ValueError, DamagedError) as error:
            return failure_of(error, endpoint)

    async def stream(
        self, endpoint: Endpoint, query: str, *, headers: Mapping[str, str]
    ) -> ByteStream | HttpResponse | Failure:
        """Send one request with an endless response. After its first byte only the timeouts of `ByteStream.read` apply.

        Args:
            endpoint: Address of the request.
            query: Percent-encoded query string, or empty.
            headers: Headers in addition to those of every request.

        Returns:
            The stream. A response with another status than 200 is read to its end, as by `request`.
        """
        if self._session is None:
            return Failure(FailureKind.INTERNAL, "The HTTP client is not open")
        if refusal := self._refuse(endpoint):
            return refusal
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
        except (aiohttp.ClientError, OSError, ValueError, DamagedError) as error:
            return failure_of(error, endpoint)

    def _refuse(self, endpoint: Endpoint) -> Failure | None:
        """Return the failure of a request to a server that no setting names; None for other requests."""
        origins = self._settings.origins
        if origins is None or origins.admits(endpoint.url):
            return None
        place = try_origin(endpoint.url, allows_user=True) or "an invalid address"
        return Failure(FailureKind.INVALID_REQUEST, f"{place:.200}: no setting names this server")


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
    # The status decides alone: a body that is too long or damaged does not change the result.
    body = await read_bounded(response, ERROR_BODY)
    return HttpResponse(response.status, response.headers, b"" if isinstance(body, Failure) else body)


def failure_of(error: BaseException, endpoint: Endpoint) -> Failure:
    """Return the failure for an exception of aiohttp, the system or a decoder. No other function maps exceptions.

    The failure keeps the text of the exception and not the exception.
    """
    detail = mask(f"{endpoint.host or endpoint.url}: {type(error).__name__}: {error!s:.200}")
    return Failure(kind_of_error(error), detail)


def kind_of_error(error: BaseException) -> FailureKind:
    """Return the kind of the failure. An exception without a rule is a defect of this program."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return FailureKind.CONNECT_TIMEOUT
        case TimeoutError():
            return FailureKind.READ_TIMEOUT
        case (
            RefusedAddressError()
            | aiohttp.InvalidURL()
            | aiohttp.NonHttpUrlClientError()
            | aiohttp.RedirectClientError()
        ):
            return FailureKind.INVALID_REQUEST
        case aiohttp.ClientResponseError() | DamagedError():
            return FailureKind.UNPARSABLE
        case aiohttp.ClientError() | OSError():
            return FailureKind.CONNECTION_FAILED
        case _:
            return FailureKind.INTERNAL


def build_tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a TLS context that always verifies certificates: against the system's authorities or those of the file.

    Raises:
        ConfigError: The file cannot be read or does not hold certificates.
    """
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise ConfigError(
            f"The CA bundle {ca_bundle} cannot be used: {error.strerror or error}.",
            hint="It must be a file of PEM certificates.",
            key="ssl_ca_bundle_path",
        ) from error


_MAX_DELAY_DIGITS = 9  # of a number of seconds: thirty years, which the caller caps further


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a ``Retry-After`` header requests: a number or an HTTP date (RFC 9110, section 10.2.3).

    Args:
        headers: Headers of the response.
        now: Current time, seconds since the epoch.

    Returns:
        At least 0; None if there is no such header or it cannot be parsed.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:_MAX_DELAY_DIGITS])
    date = parse_http_date(value)
    return None if date is None else max(0.0, date / 1000 - now)


def build_user_agent(contact: str) -> str:
    """Return a user agent that names a contact, as Wikimedia's User-Agent policy requires.

    Args:
        contact: E-mail address or URL of a page; empty without a contact.
    """
    named = f" ({contact})" if contact else ""
    return f"wikistate/{wikistate.__version__}{named} aiohttp/{aiohttp.__version__}"
