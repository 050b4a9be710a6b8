from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.unit.adapters.compression.compressed import COMPRESS
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.compression.formats import Format
from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.http.documents import DocumentReader, build_stream_configs_uri
from wikistate.errors import DocumentError, ExternalError

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = HttpSettings(user_agent="test (me@example.org)", connect_timeout=2.0, total_timeout=0.3)


def test_files_are_read_by_path_and_by_uri(tmp_path: Path) -> None:
    """A plain path and a `file:` URI with percent-encoding name the same file."""
    place = tmp_path / "a schema.yaml"
    place.write_bytes(b"title: x")
    reader = DocumentReader(SETTINGS)
    assert reader(str(place)) == b"title: x"
    assert reader(place.as_uri()) == b"title: x"
    assert "%20" in place.as_uri()


def test_missing_document_is_none(tmp_path: Path) -> None:
    """The cases are an absent file, a directory and an absent bundled document: the caller can try the next base."""
    reader = DocumentReader(SETTINGS, bundled=tmp_path)
    assert reader(str(tmp_path / "absent.yaml")) is None
    assert reader(str(tmp_path)) is None
    assert reader("bundled:jsonschema/absent/1.0.0.yaml") is None


def test_bundled_documents_are_read(tmp_path: Path) -> None:
    """`bundled:` names the documents of the package."""
    (tmp_path / "jsonschema").mkdir()
    (tmp_path / "jsonschema" / "x.yaml").write_bytes(b"x")
    assert DocumentReader(SETTINGS, bundled=tmp_path)("bundled:jsonschema/x.yaml") == b"x"


@pytest.mark.parametrize("uri", ["bundled:../secret", "bundled:a/../../secret", "bundled:/etc/passwd"])
def test_bundled_documents_do_not_leave_the_package(tmp_path: Path, uri: str) -> None:
    """A path that leads out is an error, even if there is a file."""
    with pytest.raises(DocumentError, match="outside the package"):
        DocumentReader(SETTINGS, bundled=tmp_path)(uri)


def test_unknown_scheme_is_an_error() -> None:
    """The error lists the supported schemes."""
    with pytest.raises(DocumentError, match=r"ftp.*bundled:"):
        DocumentReader(SETTINGS)("ftp://x.example/schema")


def test_document_above_the_limit_is_an_error(tmp_path: Path) -> None:
    """A file is not read beyond the limit."""
    (tmp_path / "long").write_bytes(bytes(11))
    assert DocumentReader(SETTINGS, max_bytes=11)(str(tmp_path / "long")) == bytes(11)
    with pytest.raises(DocumentError, match="more than 10 bytes"):
        DocumentReader(SETTINGS, max_bytes=10)(str(tmp_path / "long"))


async def test_http_documents_are_read_through_a_route() -> None:
    """The request is sent to the route's target, with the original host, the User-Agent, path and query."""
    seen: list[tuple[str, str, str]] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append((request.headers["Host"], request.headers["User-Agent"], request.raw_path))
        return web.Response(body=b"document")

    async with serving(respond) as origin:
        settings = HttpSettings(user_agent="ours", routes={"https://meta.wikimedia.org": origin})
        uri = "https://meta.wikimedia.org/w/api.php?action=streamconfigs&streams=a%7Cb"
        assert await asyncio.to_thread(DocumentReader(settings), uri) == b"document"
    assert seen == [("meta.wikimedia.org", "ours", "/w/api.php?action=streamconfigs&streams=a%7Cb")]


@pytest.mark.parametrize("status", [404, 410])
async def test_not_found_is_none(status: int) -> None:
    """A server without the document is not a failure."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with serving(respond) as origin:
        assert await asyncio.to_thread(DocumentReader(SETTINGS), f"{origin}/x") is None


@pytest.mark.parametrize("status", [302, 403, 500, 503])
async def test_other_statuses_are_external_errors(status: int) -> None:
    """A redirect is not followed, and an error does not count as a missing document."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with serving(respond) as origin:
        with pytest.raises(ExternalError, match=str(status)):
            await asyncio.to_thread(DocumentReader(SETTINGS), f"{origin}/x")


async def test_http_documents_are_bounded_in_size_and_time() -> None:
    """A document that is too long, one that trickles, and one that is cut short are errors within the time limit."""

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path == "/long":
            return web.Response(body=bytes(2000))
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x")
        if request.path == "/cut":
            assert request.transport is not None
            request.transport.close()
            return response
        while True:
            await asyncio.sleep(0.05)
            await response.write(b"x")

    async with serving(respond) as origin:
        reader = DocumentReader(SETTINGS, max_bytes=1500)
        with pytest.raises(DocumentError, match="more than 1500 bytes"):
            await asyncio.to_thread(reader, f"{origin}/long")
        with pytest.raises(ExternalError, match="IncompleteRead"):
            await asyncio.to_thread(reader, f"{origin}/cut")
        with pytest.raises(ExternalError, match=r"not complete after 0\.3 s"):
            await asyncio.to_thread(reader, f"{origin}/trickle")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/x", "http:///x", "http://[::1/x"])
def test_unreachable_document_is_an_external_error(uri: str) -> None:
    """The error names the URI and says what to check."""
    with pytest.raises((ExternalError, DocumentError), match="cannot be read"):
        DocumentReader(SETTINGS)(uri)


@pytest.mark.parametrize(
    ("uri", "streams", "expected"),
    [
        (
            "https://meta.wikimedia.org/w/api.php",
            ["a.v1", "b.v1"],
            "https://meta.wikimedia.org/w/api.php?action=streamconfigs&format=json&streams=a.v1%7Cb.v1",
        ),
        (
            "https://meta.wikimedia.org/w/api.php",
            [],
            "https://meta.wikimedia.org/w/api.php?action=streamconfigs&format=json",
        ),
        ("https://x.example/w/api.php?action=y", ["a"], "https://x.example/w/api.php?action=y"),
        ("bundled:streams.yaml", ["a"], "bundled:streams.yaml"),
        ("streams.yaml", ["a"], "streams.yaml"),
    ],
)
def test_only_an_action_api_gets_a_query(uri: str, streams: list[str], expected: str) -> None:
    """The query names the streams; every other URI is already a document."""
    assert build_stream_configs_uri(uri, streams) == expected


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", COMPRESS[Format.GZIP](b"title: ") + COMPRESS[Format.GZIP](b"x") + bytes(9)),
        ("deflate", COMPRESS[Format.DEFLATE](b"title: x")),
        ("zstd", COMPRESS[Format.ZSTD](b"title: x")),
    ],
)
async def test_document_that_a_server_compresses_is_decompressed(encoding: str, body: bytes) -> None:
    """Some compress although it was not requested; a truncated document is an error, as is another encoding."""
    sent = [(encoding, body), (encoding, body.rstrip(b"\0")[:-1]), ("br", body)]

    async def respond(request: web.Request) -> web.Response:
        name, content = sent[int(request.query_string)]
        return web.Response(body=content, headers={"Content-Encoding": name})

    async with serving(respond) as origin:
        reader = DocumentReader(SETTINGS)
        assert await asyncio.to_thread(reader, f"{origin}/x?0") == b"title: x"
        for number in (1, 2):
            with pytest.raises(ExternalError, match="/x"):
                await asyncio.to_thread(reader, f"{origin}/x?{number}")


async def test_compressed_document_is_bounded() -> None:
    """A small body may decompress to any size."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=COMPRESS[Format.GZIP](bytes(1_000_000)), headers={"Content-Encoding": "gzip"})

    async with serving(respond) as origin:
        with pytest.raises(DocumentError, match="has more than 1000 bytes"):
            await asyncio.to_thread(DocumentReader(SETTINGS, max_bytes=1000), f"{origin}/x")


async def test_error_quotes_first_line_of_answer() -> None:
    """A server that refuses states the reason there."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=403, text="Please set a user agent.\nMore.")

    async with serving(respond) as origin:
        with pytest.raises(ExternalError, match=r"403 Forbidden \(text/plain.*: 'Please set a user agent\.'\)"):
            await asyncio.to_thread(DocumentReader(SETTINGS), f"{origin}/x")
