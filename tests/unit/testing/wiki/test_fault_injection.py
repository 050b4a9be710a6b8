"""A client observes each fault as its rule describes it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from wikistate.demo.pages import Page, Wiki, make_revision
from wikistate.testing import faults
from wikistate.testing.faults import Rule
from wikistate.testing.wiki import FakeWiki, MemoryDataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.testing.faults import Fault

WIKI = Wiki("enwiki", "en.wikipedia.org")
PARAMETERS = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "prop": "revisions",
    "rvslots": "*",
    "rvprop": "ids|content",
    "revids": "5|6",
    "maxlag": "5",
}


@asynccontextmanager
async def broken(*actions: Fault, **options: Any) -> AsyncIterator[tuple[FakeWiki, aiohttp.ClientSession]]:
    """Run a wiki with each of these faults once, in order."""
    dataset = MemoryDataset(WIKI)
    dataset.put(WIKI, Page(7, "River Ash"), make_revision(5, "x" * 500), make_revision(6, "newer"))
    async with FakeWiki(dataset) as wiki, aiohttp.ClientSession(wiki.url, **options) as session:
        wiki.set_faults(Rule(action, times=1) for action in actions)
        yield wiki, session


async def answered(session: aiohttp.ClientSession) -> dict[str, Any]:
    """Return the document of a JSON response."""
    async with session.get("/w/api.php", params=PARAMETERS) as response:
        document: dict[str, Any] = orjson.loads(await response.read())
        return document


def numbers(document: dict[str, Any]) -> list[int]:
    """Return the revision ids in a response."""
    return [shown["revid"] for page in document["query"].get("pages", []) for shown in page.get("revisions", [])]


async def test_status_has_its_headers_and_the_next_response_is_correct() -> None:
    """The first response is 503 with Retry-After."""
    async with broken(faults.HttpStatus(503, {"Retry-After": "7"})) as (wiki, session):
        async with session.get("/w/api.php", params=PARAMETERS) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "7")
        assert numbers(await answered(session)) == [5, 6]
        assert dict(wiki.request_log.responses) == {503: 1, 200: 1}


async def test_an_api_error_is_http_200() -> None:
    """The code is in the header, and the further members are in the document."""
    action = faults.ApiError("readonly", headers={"Retry-After": "3"}, more={"readonlyreason": "moving house"})
    async with broken(action) as (_, session), session.get("/w/api.php", params=PARAMETERS) as response:
        assert response.status == 200
        assert (response.headers["MediaWiki-API-Error"], response.headers["Retry-After"]) == ("readonly", "3")
        error = orjson.loads(await response.read())["error"]
        assert (error["code"], error["readonlyreason"]) == ("readonly", "moving house")


async def test_lag_is_an_error_for_requests_with_a_smaller_maxlag() -> None:
    """Other requests get the correct response."""
    async with broken(faults.ReplicaLag(6.0), faults.ReplicaLag(4.0)) as (_, session):
        assert (await answered(session))["error"]["code"] == "maxlag"
        assert numbers(await answered(session)) == [5, 6]


async def test_correct_response_follows_a_delay() -> None:
    """The response is not earlier than the delay."""
    async with broken(faults.Delay(0.1)) as (_, session):
        start = time.monotonic()
        assert numbers(await answered(session)) == [5, 6]
        assert time.monotonic() - start >= 0.1


async def test_hang_ends_when_the_client_disconnects() -> None:
    """The server notices this and counts the request as finished."""
    async with broken(faults.Hang()) as (wiki, session):
        with pytest.raises(TimeoutError):
            await session.get("/w/api.php", params=PARAMETERS, timeout=aiohttp.ClientTimeout(total=0.1))
        async with asyncio.timeout(5):
            await wiki.wait_for_in_flight(0)
        assert numbers(await answered(session)) == [5, 6]


async def test_a_wiki_closes_although_a_request_hangs() -> None:
    """The client does not wait for a response."""
    async with asyncio.timeout(5):
        async with broken(faults.Hang()) as (wiki, session):
            hanging = asyncio.create_task(answered(session))
            await wiki.wait_for_in_flight(1)
            hanging.cancel()


async def test_connection_reset_has_no_response() -> None:
    """The connection ends before a status."""
    async with broken(faults.ConnectionReset()) as (_, session):
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post("/w/api.php", data=PARAMETERS)


async def test_a_reset_may_come_in_the_middle_of_the_body() -> None:
    """The client has read the status, and the body ends early."""
    async with broken(faults.ConnectionReset(after=100)) as (_, session):
        response = await session.post("/w/api.php", data=PARAMETERS)
        assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await response.read()


async def test_empty_body_has_status_200() -> None:
    """The body has zero bytes."""
    async with broken(faults.EmptyBody()) as (_, session), session.get("/w/api.php", params=PARAMETERS) as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_truncated_json_is_the_start_of_the_correct_document() -> None:
    """The response is valid HTTP."""
    async with broken(faults.TruncatedBody(0.5)) as (_, session):
        async with session.get("/w/api.php", params=PARAMETERS) as response:
            half = await response.read()
        async with session.get("/w/api.php", params=PARAMETERS) as response:
            whole = await response.read()
        assert half == whole[: len(whole) // 2]
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(half)


async def test_non_json_body_is_html_with_status_200() -> None:
    """Proxies send such responses."""
    async with broken(faults.NonJsonBody()) as (_, session), session.get("/w/api.php", params=PARAMETERS) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert (await response.read()).startswith(b"<!DOCTYPE")


async def test_missing_revision_is_bad_for_its_number_of_requests() -> None:
    """Each response has the other revision."""
    async with broken() as (wiki, session):
        wiki.set_faults([Rule(faults.MissingRevision(asks=2), revisions=frozenset({6}))])
        documents = [await answered(session) for _ in range(3)]
        assert [numbers(document) for document in documents] == [[5], [5], [5, 6]]
        assert documents[0]["query"]["badrevids"] == {"6": {"revid": 6, "missing": True}}
        assert wiki.request_log.count_requests(6) == 3


@pytest.mark.parametrize("action", [faults.HugeBody(3_000_000), faults.GzipBomb(3_000_000)])
async def test_oversized_body_can_be_read_in_part_and_in_full(action: faults.HugeBody | faults.GzipBomb) -> None:
    """It begins like a correct body, has the configured size, and ends when the client disconnects."""
    async with broken(action, action) as (wiki, session):
        async with session.get("/w/api.php", params=PARAMETERS) as response:
            assert (await response.content.readexactly(40)).startswith(b'{"batchcomplete":true,"query"')
        async with session.get("/w/api.php", params=PARAMETERS) as response:
            assert len(await response.read()) == 3_000_000
        async with asyncio.timeout(5):
            await wiki.wait_for_in_flight(0)


async def test_gzip_bomb_is_small_before_decompression() -> None:
    """It has at most a hundredth of its unpacked size."""
    async with (
        broken(faults.GzipBomb(3_000_000), auto_decompress=False) as (_, session),
        session.get("/w/api.php", params=PARAMETERS) as response,
    ):
        assert response.headers["Content-Encoding"] == "gzip"
        assert len(await response.read()) < 30_000


async def test_redirect_names_its_target() -> None:
    """The client decides whether it follows the redirect."""
    async with (
        broken(faults.HttpRedirect("http://192.0.2.1/w/api.php")) as (_, session),
        session.get("/w/api.php", params=PARAMETERS, allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (302, "http://192.0.2.1/w/api.php")


async def test_stalled_continuation_repeats_the_same_position() -> None:
    """The responses have no revision and no end."""
    async with broken(faults.StalledContinuation(), faults.StalledContinuation()) as (_, session):
        first, second = await answered(session), await answered(session)
        assert first == second
        assert first["continue"] == {"rvcontinue": 5, "continue": "||"}
        assert numbers(first) == []
        assert "batchcomplete" not in first


async def test_wrong_revisions_were_not_requested() -> None:
    """The response is well-formed and has other revisions."""
    async with broken(faults.WrongRevision(100)) as (_, session):
        assert numbers(await answered(session)) == [105, 106]


async def test_slow_body_is_the_correct_response_in_many_chunks() -> None:
    """The response takes at least the sum of the pauses."""
    async with broken(faults.SlowBody(chunk=200, pause=0.02)) as (_, session):
        start = time.monotonic()
        assert numbers(await answered(session)) == [5, 6]
        assert time.monotonic() - start >= 0.06
