"""Injection of the faults of `wikistate.testing.faults` into HTTP responses."""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import TYPE_CHECKING, Any, assert_never

import orjson
from aiohttp import web

from wikistate.testing import faults
from wikistate.testing.wiki import responses
from wikistate.testing.wiki.cached_bodies import CachedBody, join_plain
from wikistate.testing.wiki.old_format import to_old_format

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from wikistate.testing.faults import ResponseFault
    from wikistate.testing.wiki.responses import WikiResponse

    Send = Callable[[WikiResponse], Awaitable[web.StreamResponse]]

BLOCK_BYTES = 65_536
_MARK = b"\xef\xbb\xbf"
_ENTITY_IDS = re.compile(rb"\b([QPLM])([1-9][0-9]*)\b")
TRIPLE = b'<http://wikibase.example/entity/Q1> <http://www.w3.org/2000/01/rdf-schema#label> "'
OPENING = b'{"batchcomplete":true,"query":{"pages":[{"pageid":1,"ns":0,"title":"'


async def apply_fault(
    action: ResponseFault, request: web.BaseRequest, reply: WikiResponse, send: Send
) -> web.StreamResponse:
    """Respond to a request with a fault.

    Args:
        action: The fault.
        request: The request.
        reply: The correct response.
        send: Function that sends a response without a fault.
    """
    match action:
        case faults.Delay(seconds=seconds):
            await asyncio.sleep(seconds)
            return await send(reply)
        case faults.Hang():
            await asyncio.Event().wait()  # ends by cancellation when the client disconnects or the wiki closes
            raise AssertionError
        case faults.ConnectionReset(after=after):
            return await _reset_connection(request, reply, after)
        case faults.HugeBody() | faults.GzipBomb():
            return await _send_oversized(request, action, reply)
        case faults.SlowBody(chunk=chunk, pause=pause):
            return await _send_slowly(request, reply, chunk, pause)
        case faults.HttpStatus() | faults.ApiError() | faults.NonJsonBody() | faults.HttpRedirect():
            return await send(_make_replacement(action))
        case _:
            return await send(_corrupt_response(action, reply))


ReplacementFault = faults.HttpStatus | faults.ApiError | faults.NonJsonBody | faults.HttpRedirect
CorruptionFault = (
    faults.ReplicaLag
    | faults.EmptyBody
    | faults.TruncatedBody
    | faults.ByteOrderMark
    | faults.StalledContinuation
    | faults.WrongRevision
    | faults.OldFormat
)


def _make_replacement(action: ReplacementFault) -> WikiResponse:
    """Return a response that replaces the correct one."""
    match action:
        case faults.HttpStatus(status=status, headers=headers, body=text):
            return responses.make_html(text, status=status)._replace(headers=headers)
        case faults.ApiError(code=code, text=text, headers=headers, more=more):
            refusal = responses.ApiUsageError(code, text, headers=headers, more=more)
            return responses.make_error(refusal, domain="small.example.org", error_format="bc")
        case faults.NonJsonBody(body=text):
            return responses.make_html(text)
        case faults.HttpRedirect(location=location, status=status):
            return responses.make_html("", status=status)._replace(headers={"Location": location})
        case _:
            assert_never(action)


def _corrupt_response(action: CorruptionFault, reply: WikiResponse) -> WikiResponse:
    """Return the correct response with a fault in it."""
    body = join_plain(reply.pieces)
    match action:
        case faults.ReplicaLag():
            return reply  # the API has compared the lag with maxlag already
        case faults.EmptyBody() | faults.TruncatedBody() | faults.ByteOrderMark():
            changed = _change_bytes(action, body)
            return reply._replace(pieces=[CachedBody(changed)] if changed else [])
        case faults.StalledContinuation():
            return responses.make_json(_without_progress(orjson.loads(body)))
        case faults.OldFormat():
            is_json = reply.content_type == responses.JSON
            return (
                reply._replace(pieces=[CachedBody(orjson.dumps(to_old_format(orjson.loads(body))))])
                if is_json
                else reply
            )
        case faults.WrongRevision(offset=offset):
            return _shift_ids(reply, body, offset)
        case _:
            assert_never(action)


def _shift_ids(reply: WikiResponse, body: bytes, offset: int) -> WikiResponse:
    if reply.content_type != responses.JSON:
        return reply._replace(pieces=[CachedBody(_shift_entity_ids(body, offset))])
    return responses.make_json(_shift_revision_ids(orjson.loads(body), offset))


def _change_bytes(action: faults.EmptyBody | faults.TruncatedBody | faults.ByteOrderMark, body: bytes) -> bytes:
    match action:
        case faults.EmptyBody():
            return b""
        case faults.TruncatedBody(share=share):
            return body[: int(len(body) * share)]
        case faults.ByteOrderMark(before=before, behind=behind):
            return _MARK * before + body + b"\n" + _MARK * behind
        case _:
            assert_never(action)


def _without_progress(document: dict[str, Any]) -> dict[str, Any]:
    pages = document.get("query", {}).get("pages", [])
    revisions = [revision for page in pages for revision in page.pop("revisions", [])]
    document.pop("batchcomplete", None)
    first = min((revision["revid"] for revision in revisions), default=1)
    return {"continue": {"rvcontinue": first, "continue": "||"}} | document


def _shift_revision_ids(document: dict[str, Any], offset: int) -> dict[str, Any]:
    for page in document.get("query", {}).get("pages", []):
        for revision in page.get("revisions", []):
            revision["revid"] += offset
    return document


def _shift_entity_ids(rdf: bytes, offset: int) -> bytes:
    """Return the RDF with other entity ids."""
    return _ENTITY_IDS.sub(lambda found: b"%s%d" % (found[1], int(found[2]) + offset), rdf)


async def _reset_connection(request: web.BaseRequest, reply: WikiResponse, after: int | None) -> web.StreamResponse:
    body = join_plain(reply.pieces)
    response = web.StreamResponse(headers={"Content-Type": reply.content_type})
    if after is not None:
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[:after])
        await asyncio.sleep(0)  # the event loop passes the bytes to the socket before the reset
    if request.transport is not None:
        request.transport.abort()
    return response


async def _send_oversized(
    request: web.BaseRequest, action: faults.HugeBody | faults.GzipBomb, reply: WikiResponse
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": reply.content_type})
    blocks = _generate_blocks(OPENING if reply.content_type == responses.JSON else TRIPLE, action.size)
    if isinstance(action, faults.GzipBomb):
        response.headers["Content-Encoding"] = "gzip"
        blocks = _gzip_blocks(blocks)
    await response.prepare(request)
    for block in blocks:
        await response.write(block)
    await response.write_eof()
    return response


async def _send_slowly(request: web.BaseRequest, reply: WikiResponse, chunk: int, pause: float) -> web.StreamResponse:
    body = join_plain(reply.pieces)
    response = web.StreamResponse(headers={"Content-Type": reply.content_type})
    response.content_length = len(body)
    await response.prepare(request)
    for start in range(0, len(body), chunk):
        await response.write(body[start : start + chunk])
        await asyncio.sleep(pause)
    await response.write_eof()
    return response


def _generate_blocks(opening: bytes, size: int) -> Iterator[bytes]:
    yield opening
    block = b"x" * BLOCK_BYTES
    for left in range(size - len(opening), 0, -BLOCK_BYTES):
        yield block[:left]


def _gzip_blocks(blocks: Iterator[bytes]) -> Iterator[bytes]:
    deflate = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for block in blocks:
        if packed := deflate.compress(block):
            yield packed
    yield deflate.flush()
