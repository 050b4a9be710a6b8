"""Documents that are read at the start: schemas and stream configurations, from files, the package, or HTTP.

Reading blocks and happens before the first event. A caller on an event loop reads on a thread.
"""

from __future__ import annotations

import http.client
import re
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from yarl import URL

from wikistate.adapters.compression.decoder import MAX_HTTP_WINDOW, DamagedError, Decoder
from wikistate.adapters.compression.formats import Format
from wikistate.adapters.http.body import find_encoding
from wikistate.adapters.http.client import OK, HttpSettings, build_tls_context
from wikistate.adapters.http.interruptible import call_interruptibly
from wikistate.adapters.http.origins import GuardedConnection, GuardedTlsConnection
from wikistate.adapters.http.routes import Routes
from wikistate.core.events.first_line import quote_first_line
from wikistate.errors import DocumentError, ExternalError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.resources.abc import Traversable

BUNDLED = "bundled:"
"""Scheme of the documents in the package, for example ``bundled:streams.yaml``."""

MAX_BYTES = 16 * 1024 * 1024
"""Largest size of a document in bytes. The largest known, all stream configurations of Wikimedia, has one megabyte."""

_NOT_FOUND_STATUSES = (404, 410)
_SCHEME = re.compile("([A-Za-z][A-Za-z0-9+.-]*):")
_CHUNK = 65_536
_STEP = 1024 * 1024  # bytes that are decompressed at once
_SHOWN = 80


class DocumentReader:
    """Reader of the document that a URI names.

    It supports ``bundled:PATH``, ``file://PATH``, plain paths, ``http://`` and ``https://``.

    Args:
        settings: Routes, CA bundle, user agent and timeouts of requests.
        max_bytes: Largest size of a document in bytes.
        bundled: Folder of the documents of the package.
    """

    def __init__(
        self, settings: HttpSettings, *, max_bytes: int = MAX_BYTES, bundled: Traversable | None = None
    ) -> None:
        self._settings = settings
        self._routes = Routes(settings.routes)
        self._max_bytes = max_bytes
        self._bundled = bundled

    def __call__(self, uri: str) -> bytes | None:
        """Return the document; None if it does not exist.

        Raises:
            DocumentError: The URI cannot name a document, or the document is too large or cannot be read.
            ExternalError: A server does not answer, or answers with an error other than "not found".
        """
        scheme = _SCHEME.match(uri)
        match scheme and scheme[1].lower():
            case "http" | "https":
                return call_interruptibly(lambda: self._fetch(uri))
            case "file":
                return self._load(Path(unquote(urlsplit(uri).path)), uri)
            case "bundled":
                return self._load(self._read_bundled(uri), uri)
            case None:
                return self._load(Path(uri), uri)
            case other:
                raise DocumentError(
                    f"{uri} has the unknown scheme {other!r}.",
                    hint="Use a path, file:, bundled:, http: or https:.",
                    uri=uri,
                )

    def _read_bundled(self, uri: str) -> Traversable:
        path = uri.removeprefix(BUNDLED)
        if path.startswith("/") or ".." in path.split("/"):
            raise DocumentError(
                f"{uri} names a path outside the package.", hint="Use a file: URI for your own documents.", uri=uri
            )
        return (self._bundled or resources.files("wikistate.core.events.bundled")).joinpath(path)

    def _load(self, path: Traversable, uri: str) -> bytes | None:
        try:
            if not path.is_file():
                return None
            with path.open("rb") as stream:
                content = stream.read(self._max_bytes + 1)
        except OSError as error:
            raise DocumentError(
                f"{uri} cannot be read: {error.strerror or error}.", hint="Check its permissions.", uri=uri
            ) from error
        self._check_length(content, uri)
        return content

    def _check_length(self, content: bytes | bytearray, uri: str) -> None:
        if len(content) > self._max_bytes:
            raise DocumentError(
                f"{uri} has more than {self._max_bytes} bytes.",
                hint="Check that the URI names the right document.",
                uri=uri,
            )

    def _fetch(self, uri: str) -> bytes | None:
        try:
            connection, path, host = self._open_connection(uri)
            try:
                headers = {"Host": host, "User-Agent": self._settings.user_agent, **self._authorize(uri)}
                connection.request("GET", path, headers=headers)
                with connection.getresponse() as response:  # it holds the socket of a server that closes the connection
                    return self._receive(response, uri)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError, DamagedError) as error:
            raise ExternalError(
                f"{uri} cannot be read: {type(error).__name__}: {error!s:.200}.",
                hint="Check the address, http_client_routes, and that this machine can reach it.",
                uri=uri,
            ) from error

    def _authorize(self, uri: str) -> dict[str, str]:
        """Return the header with the credential for the origin of a URI; empty without one."""
        credential = self._settings.credentials.get(str(URL(uri, encoded=True).origin()))
        return {} if credential is None else {"Authorization": credential.header}

    def _open_connection(self, uri: str) -> tuple[http.client.HTTPConnection, str, str]:
        base, _, query = uri.partition("?")
        origins = self._settings.origins
        if origins is not None and not origins.admits(base):
            raise ValueError("no setting names this server")
        endpoint = self._routes.resolve(base)
        parts = urlsplit(endpoint.url)
        timeout = self._settings.connect_timeout
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = build_tls_context(self._settings.ca_bundle)
            connection = GuardedTlsConnection(parts.netloc, timeout=timeout, context=context)
        else:
            connection = GuardedConnection(parts.netloc, timeout=timeout)
        path = f"{parts.path or '/'}?{query}" if query else parts.path or "/"
        return connection, path, endpoint.host or parts.netloc

    def _receive(self, response: http.client.HTTPResponse, uri: str) -> bytes | None:
        if response.status in _NOT_FOUND_STATUSES:
            return None
        if response.status != OK:
            raise ExternalError(
                f"{uri} answers {response.status} {response.reason} "
                f"({response.headers.get('Content-Type', 'no content type')!s:.80}: {quote_first_line(_read_beginning(response))}).",
                hint="Redirects are not followed.",
                uri=uri,
            )
        # The timeout of a socket applies to each chunk: a slow server needs a deadline for the whole body.
        deadline = time.monotonic() + self._settings.total_timeout
        content = bytearray()
        decoder = _build_decoder(response, uri)
        while chunk := response.read1(_CHUNK):
            content += chunk if decoder is None else _decode(decoder, chunk, self._max_bytes + 1 - len(content))
            self._check_length(content, uri)
            if time.monotonic() > deadline:
                raise TimeoutError(f"not complete after {self._settings.total_timeout:g} s")
        if response.length:
            raise http.client.IncompleteRead(bytes(content[:_SHOWN]), response.length)
        if decoder is not None:
            decoder.finish()
        return bytes(content)


def _read_beginning(response: http.client.HTTPResponse) -> bytes:
    """Return the beginning of the body of an error, in plain text; empty if it cannot be read."""
    encoding = find_encoding(response.headers)
    try:
        content = response.read1(_CHUNK)
        if encoding is Format.PLAIN:
            return content
        return b"" if encoding is None else bytes(_decode(_new_decoder(encoding), content, _CHUNK))
    except (OSError, http.client.HTTPException, DamagedError):
        return b""


def _build_decoder(response: http.client.HTTPResponse, uri: str) -> Decoder | None:
    """Return the decoder of a server that compresses although it was not requested; None for a plain body."""
    encoding = find_encoding(response.headers)
    if encoding is None:
        raise ExternalError(
            f"{uri} answers in the encoding {response.headers['Content-Encoding']!r:.40}, which was not requested.",
            hint="Check the server or proxy; plain, gzip, deflate and zstd are read.",
            uri=uri,
        )
    return None if encoding is Format.PLAIN else _new_decoder(encoding)


def _new_decoder(encoding: Format) -> Decoder:
    return Decoder(encoding, max_window=MAX_HTTP_WINDOW)


def _decode(decoder: Decoder, chunk: bytes, limit: int) -> bytearray:
    """Return the decompressed chunk, cut at the limit."""
    decoder.feed(chunk)
    content = bytearray()
    while len(content) < limit and (piece := decoder.read(min(limit - len(content), _STEP))):
        content += piece
    return content


def build_stream_configs_uri(uri: str, streams: Iterable[str]) -> str:
    """Return the URI from which stream configurations are read.

    For the address of an Action API (a path that ends in ``api.php``, without a query) it is the request of the
    extension EventStreamConfig for these streams. Any other URI names a document and is returned unchanged.
    """
    if not urlsplit(uri).path.endswith("api.php") or "?" in uri:
        return uri
    names = quote("|".join(streams), safe="")
    return f"{uri}?action=streamconfigs&format=json" + (f"&streams={names}" if names else "")
