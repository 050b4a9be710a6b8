"""The fake wiki over HTTP: hosts, methods, compression, counts, control paths."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from wikistate.demo import corpus
from wikistate.demo.pages import Page, Wiki, make_revision
from wikistate.errors import PartError
from wikistate.testing.faults import Delay, HttpStatus, Rule, decode_rules, encode_rules
from wikistate.testing.wiki import FakeWiki, MemoryDataset, SyntheticDataset, WikiProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ENGLISH = Wiki("enwiki", "en.wikipedia.org")
GERMAN = Wiki("dewiki", "de.wikipedia.org", "de")
QUERY = {"action": "query", "format": "json", "formatversion": "2", "prop": "revisions", "rvslots": "*"}
CONTENT = QUERY | {"rvprop": "ids|content"}


def make_dataset() -> MemoryDataset:
    """Make a dataset of two wikis with the same ids."""
    made = MemoryDataset(ENGLISH, GERMAN)
    made.put(ENGLISH, Page(7, "River Ash"), make_revision(5, "english " * 100), make_revision(6, "newer"))
    made.put(GERMAN, Page(7, "Esche"), make_revision(5, "deutsch"))
    return made


@asynccontextmanager
async def client(**options: Any) -> AsyncIterator[tuple[FakeWiki, aiohttp.ClientSession]]:
    """Run a wiki with a client."""
    async with FakeWiki(make_dataset()) as wiki, aiohttp.ClientSession(wiki.url, **options) as session:
        yield wiki, session


async def text(response: aiohttp.ClientResponse) -> str:
    """Return the content of the only slot of the only revision."""
    (page,) = orjson.loads(await response.read())["query"]["pages"]
    content: str = page["revisions"][0]["slots"]["main"]["content"]
    return content


async def test_host_header_selects_the_wiki() -> None:
    """The port is ignored, an address selects the first wiki, and an unknown name has status 404."""
    async with client() as (wiki, session):
        for host, start in (
            ("de.wikipedia.org", "deutsch"),
            ("de.wikipedia.org:443", "deutsch"),
            ("en.wikipedia.org", "english"),
            (wiki.url.removeprefix("http://"), "english"),
        ):
            async with session.get("/w/api.php", params=CONTENT | {"revids": "5"}, headers={"Host": host}) as response:
                assert (await text(response)).startswith(start)
        async with session.get("/w/api.php", params=CONTENT, headers={"Host": "xx.example.org"}) as response:
            assert response.status == 404


async def test_get_and_post_are_equivalent() -> None:
    """Parameters may be in the query, in the form or in both; other methods are refused."""
    async with client() as (_, session):
        parameters = CONTENT | {"revids": "6"}
        async with (
            session.get("/w/api.php", params=parameters) as got,
            session.post("/w/api.php", data=parameters) as posted,
        ):
            assert await got.read() == await posted.read()
        async with session.post("/w/api.php?revids=5", data=parameters) as both:
            assert await text(both) == "newer"
        async with session.put("/w/api.php", data=parameters) as response:
            assert response.status == 405


async def test_client_that_accepts_gzip_receives_gzip() -> None:
    """The unpacked body is the same, and the compressed one is smaller."""
    sizes = {}
    for coding in ("gzip", "identity"):
        async with client(auto_decompress=False) as (_, session):
            headers = {"Accept-Encoding": coding}
            async with session.get("/w/api.php", params=CONTENT | {"revids": "5"}, headers=headers) as response:
                assert response.headers.get("Content-Encoding", "identity") == coding
                sizes[coding] = len(await response.read())
    assert sizes["gzip"] < sizes["identity"] / 2
    async with client() as (_, session), session.get("/w/api.php", params=CONTENT | {"revids": "5"}) as response:
        assert await text(response) == "english " * 100


async def test_raw_returns_only_the_text_of_one_slot() -> None:
    """An unknown revision has status 404."""
    async with client() as (_, session):
        async with session.get("/w/index.php", params={"action": "raw", "oldid": "6"}) as response:
            assert (response.content_type, await response.text()) == ("text/x-wiki", "newer")
        async with session.get("/w/index.php", params={"action": "raw", "oldid": "99"}) as response:
            assert response.status == 404


async def test_requests_are_counted() -> None:
    """There are counts of requests, revisions, each revision by wiki, batch sizes, hosts and user agents."""
    async with client(headers={"User-Agent": "test client (a@example.org)"}) as (wiki, session):
        for host, revids in (("en.wikipedia.org", "5|6"), ("en.wikipedia.org", "5"), ("de.wikipedia.org", "5|99")):
            async with session.get("/w/api.php", params=QUERY | {"revids": revids}, headers={"Host": host}) as response:
                assert response.status == 200
        log = wiki.request_log
        assert (log.requests, log.revisions) == (3, 5)
        assert (
            log.count_requests(5),
            log.count_requests(5, "enwiki"),
            log.count_requests(99, "dewiki"),
            log.count_requests(1),
        ) == (3, 2, 1, 0)
        assert dict(log.batches) == {2: 2, 1: 1}
        assert dict(log.hosts) == {"en.wikipedia.org": 2, "de.wikipedia.org": 1}
        assert dict(log.user_agents) == {"test client (a@example.org)": 3}
        assert dict(log.responses) == {200: 3}


async def test_maximum_of_concurrent_requests_is_counted() -> None:
    """Five clients wait at the same time, and no request is in progress afterwards."""
    async with client() as (wiki, session):
        wiki.set_faults([Rule(Delay(0.2))])

        async def ask() -> int:
            async with session.get("/w/api.php", params=QUERY | {"revids": "5"}) as response:
                return response.status

        assert await asyncio.gather(*(ask() for _ in range(5))) == [200] * 5
        assert (wiki.request_log.max_concurrent, wiki.request_log.concurrent) == (5, 0)


async def test_lag_may_be_set_for_the_whole_farm() -> None:
    """Requests with a smaller ``maxlag`` are refused until the lag is reset."""
    async with client() as (wiki, session):
        wiki.lag = 9.0
        parameters = QUERY | {"revids": "5", "maxlag": "5"}
        async with session.get("/w/api.php", params=parameters) as response:
            assert response.headers["MediaWiki-API-Error"] == "maxlag"
        wiki.lag = 0.0
        async with session.get("/w/api.php", params=parameters) as response:
            assert "MediaWiki-API-Error" not in response.headers


async def test_control_paths_reject_invalid_rules_and_unknown_paths() -> None:
    """Requests of control paths are not counted."""
    async with client() as (wiki, session):
        async with session.post("/_control/faults", data=b'[{"action": {"kind": "meteor"}}]') as response:
            assert response.status == 400
            assert "at 0.action" in await response.text()
        async with session.get("/_control/weather") as response:
            assert response.status == 404
        assert wiki.request_log.requests == 0


async def test_wiki_in_another_process_has_control_paths() -> None:
    """It prints its URL, applies rules, counts requests, and ends."""
    rule = Rule(HttpStatus(503), times=1)
    async with WikiProcess("--bench", "--body-bytes", "300") as wiki, aiohttp.ClientSession(wiki.url) as session:
        await wiki.set_faults([rule])
        statuses = []
        for _ in range(2):
            async with session.get("/w/api.php", params=CONTENT | {"revids": "123456789"}) as response:
                statuses.append(response.status)
        assert statuses == [503, 200]
        counts = await wiki.stats()
        assert (counts["requests"], counts["revisions"], counts["asked"]) == (2, 2, {})
        await wiki.clear_stats()
        assert (await wiki.stats())["requests"] == 0
        process = wiki._process
    assert process.returncode == 0


async def test_process_serves_the_sample_with_rules_from_a_file(tmp_path: Path) -> None:
    """The data is that of `compose`, and the rules apply from the first request on."""
    rules = [Rule(HttpStatus(429, {"Retry-After": "1"}), nth=1)]
    path = tmp_path / "faults.json"
    path.write_bytes(encode_rules(rules))
    stored = next(found for found in corpus.compose(seed=4, changes=50).revisions() if not found.deleted)
    host = {"Host": stored.wiki.domain}
    parameters = CONTENT | {"revids": str(stored.revision.rev_id)}
    async with (
        WikiProcess("--seed", "4", "--changes", "50", "--faults", str(path)) as wiki,
        aiohttp.ClientSession(wiki.url, headers=host) as session,
    ):
        async with session.get("/_control/faults") as response:
            assert decode_rules(await response.read()) == rules
        async with session.get("/w/api.php", params=parameters) as response:
            assert response.status == 429
        async with session.get("/w/api.php", params=parameters) as response:
            assert await text(response) == stored.revision.slots[0].text
        assert (await wiki.stats())["asked"] == {stored.wiki.wiki_id: {str(stored.revision.rev_id): 2}}


async def test_failed_start_of_the_process_raises_an_error() -> None:
    """The start raises the error."""
    with pytest.raises(PartError, match="did not start"):
        async with WikiProcess("--no-such-option"):
            pass


async def test_synthetic_dataset_serves_all_wikis_of_the_sample() -> None:
    """It is a farm of thirteen wikis, each with its domain."""
    domains = [wiki.domain for wiki in corpus.load_wikis().values()]
    async with (
        FakeWiki(SyntheticDataset(*corpus.load_wikis().values(), body_bytes=64), count_each_revision=False) as wiki,
        aiohttp.ClientSession(wiki.url) as session,
    ):
        for domain in domains:
            async with session.get(
                "/w/api.php", params=CONTENT | {"revids": "3"}, headers={"Host": domain}
            ) as response:
                assert len((await text(response)).encode()) == 64
        assert wiki.request_log.requested == {}
        assert len(wiki.request_log.hosts) == len(domains) == 13
