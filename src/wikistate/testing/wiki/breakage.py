"""Going wrong on purpose: each action of `wikistate.testing.faults`, done to an HTTP request."""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import TYPE_CHECKING, Any, assert_never

import orjson
from aiohttp import web

from wikistate.testing import faults
from wikistate.testing.wiki import replies
from wikistate.testing.wiki.pieces import Piece, plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from wikistate.testing.faults import Answered
    from wikistate.testing.wiki.replies import Reply

    Send = Callable[[Reply], Awaitable[web.StreamResponse]]

BLOCK = 65_536
_ENTITY_IDS = re.compile(rb"\b([QPLM])([1-9][0-9]*)\b")
TRIPLE = b'<http://wikibase.example/entity/Q1> <http://www.w3.org/2000/01/rdf-schema#label> "'
OPENING = b'{"batchcomplete":true,"query":{"pages":[{"pageid":1,"ns":0,"title":"'


async def go_wrong(action: Answered, request: web.BaseRequest, reply: Reply, send: Send) -> web.StreamResponse:
    """Answer a request in the way that the action says.

    Args:
        action: What to do.
        request: The request.
        reply: What the right answer would be.
        send: Sends a reply whole and well.
    """
    match action:
        case faults.Delay(seconds=seconds):
            await asyncio.sleep(seconds)
            return await send(reply)
        case faults.Hang():
            await asyncio.Event().wait()  # ends by cancellation, when the client leaves or the wiki closes
            raise AssertionError
        case faults.Reset(after=after):
            return await _break(request, reply, after)
        case faults.Huge() | faults.Bomb():
            return await _flood(request, action, reply)
        case faults.Trickle(chunk=chunk, pause=pause):
            return await _trickle(request, reply, chunk, pause)
        case faults.Status() | faults.ApiError() | faults.NotJson() | faults.Redirect():
            return await send(_replaced(action))
        case _:
            return await send(_altered(action, reply))


Replaced = faults.Status | faults.ApiError | faults.NotJson | faults.Redirect
Altered = faults.Lagged | faults.EmptyBody | faults.Truncated | faults.Stall | faults.Wrong


def _replaced(action: Replaced) -> Reply:
    """Another reply altogether."""
    match action:
        case faults.Status(status=status, headers=headers, body=text):
            return replies.page(text, status=status)._replace(headers=headers)
        case faults.ApiError(code=code, text=text, headers=headers, more=more):
            refusal = replies.ApiRefusal(code, text, headers=headers, more=more)
            return replies.refused(refusal, domain="small.example.org", error_format="bc")
        case faults.NotJson(body=text):
            return replies.page(text)
        case faults.Redirect(location=location, status=status):
            return replies.page("", status=status)._replace(headers={"Location": location})
        case _:
            assert_never(action)


def _altered(action: Altered, reply: Reply) -> Reply:
    """The right reply, spoilt."""
    body = plain(reply.pieces)
    match action:
        case faults.Lagged():
            return reply  # the API knew of the lag and has judged it already
        case faults.EmptyBody():
            return reply._replace(pieces=[])
        case faults.Truncated(share=share):
            return reply._replace(pieces=[Piece(body[: int(len(body) * share)])])
        case faults.Stall():
            return replies.document(_stalled(orjson.loads(body)))
        case faults.Wrong(offset=offset):
            if reply.content_type != replies.JSON:
                return reply._replace(pieces=[Piece(_of_others(body, offset))])
            return replies.document(_misnumbered(orjson.loads(body), offset))
        case _:
            assert_never(action)


def _stalled(document: dict[str, Any]) -> dict[str, Any]:
    pages = document.get("query", {}).get("pages", [])
    revisions = [revision for page in pages for revision in page.pop("revisions", [])]
    document.pop("batchcomplete", None)
    first = min((revision["revid"] for revision in revisions), default=1)
    return {"continue": {"rvcontinue": first, "continue": "||"}} | document


def _misnumbered(document: dict[str, Any], offset: int) -> dict[str, Any]:
    for page in document.get("query", {}).get("pages", []):
        for revision in page.get("revisions", []):
            revision["revid"] += offset
    return document


def _of_others(rdf: bytes, offset: int) -> bytes:
    """The same RDF, of other entities."""
    return _ENTITY_IDS.sub(lambda found: b"%s%d" % (found[1], int(found[2]) + offset), rdf)


async def _break(request: web.BaseRequest, reply: Reply, after: int | None) -> web.StreamResponse:
    body = plain(reply.pieces)
    response = web.StreamResponse(headers={"Content-Type": reply.content_type})
    if after is not None:
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[:after])
        await asyncio.sleep(0)  # the loop hands the bytes to the socket before the reset overtakes them
    if request.transport is not None:
        request.transport.abort()
    return response


async def _flood(request: web.BaseRequest, action: faults.Huge | faults.Bomb, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": reply.content_type})
    blocks = _blocks(OPENING if reply.content_type == replies.JSON else TRIPLE, action.size)
    if isinstance(action, faults.Bomb):
        response.headers["Content-Encoding"] = "gzip"
        blocks = _deflated(blocks)
    await response.prepare(request)
    for block in blocks:
        await response.write(block)
    await response.write_eof()
    return response


async def _trickle(request: web.BaseRequest, reply: Reply, chunk: int, pause: float) -> web.StreamResponse:
    body = plain(reply.pieces)
    response = web.StreamResponse(headers={"Content-Type": reply.content_type})
    response.content_length = len(body)
    await response.prepare(request)
    for start in range(0, len(body), chunk):
        await response.write(body[start : start + chunk])
        await asyncio.sleep(pause)
    await response.write_eof()
    return response


def _blocks(opening: bytes, size: int) -> Iterator[bytes]:
    yield opening
    block = b"x" * BLOCK
    for left in range(size - len(opening), 0, -BLOCK):
        yield block[:left]


def _deflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    deflate = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for block in blocks:
        if packed := deflate.compress(block):
            yield packed
    yield deflate.flush()
