"""Several kinds of queries to one wiki: each kind has its own requests, and all share the limits."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

from tests.unit.adapters.mediawiki.scripted_api import WIKI, Harness, ScriptedApi

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki import wikis as allowed
from wikistate.adapters.mediawiki.batch_query import REVISIONS
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.queue import QueueEntry
from wikistate.adapters.mediawiki.raw_query import RAW_QUERY, encode_parameters
from wikistate.adapters.mediawiki.redirects import REDIRECT_TARGETS
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.wikis import Wikis
from wikistate.core.enrichment.content import Content
from wikistate.core.enrichment.page_state import RedirectTarget
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.demo.pages import Page, Wiki, make_revision
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing import faults
from wikistate.testing.faults import Rule
from wikistate.testing.wiki import FakeWiki, MemoryDataset

ENGLISH = Wiki("enwiki", "en.wikipedia.org")


async def ask(*asked: tuple[Any, Any], rules: tuple[Rule, ...] = ()) -> tuple[FakeWiki, list[Any]]:
    """Send all of these queries at the same time; return the wiki and its responses."""
    world = MemoryDataset(ENGLISH)
    for number in range(1, 61):
        world.put(ENGLISH, Page(number, f"Page {number} {'x' * 200}"), make_revision(number))
    async with FakeWiki(world) as wiki:
        wiki.set_faults(rules)
        http = HttpClient(HttpSettings(user_agent="test (me@example.org)"))
        policy = RetryPolicy(base_delay=0.001, max_delay=0.001)
        client = RevisionClient(http, RecordingMeter(), policy=policy)
        await client.open()
        found = Wikis(template=f"{wiki.url}/w/api.php").lookup(ENGLISH.domain)
        assert isinstance(found, allowed.Wiki)
        answers = await asyncio.gather(*(client.query_async(found, question, subject) for question, subject in asked))
        await client.close()
    return wiki, answers


async def test_different_queries_have_different_requests() -> None:
    """Two revisions share a request, and a title has its own."""
    title = f"Page 3 {'x' * 200}"
    wiki, answers = await ask((REVISIONS, 1), (REDIRECT_TARGETS, title), (REVISIONS, 2))
    assert wiki.request_log.requests == 2
    first, target, second = answers
    assert isinstance(first, Content)
    assert isinstance(second, Content)
    assert target == RedirectTarget(title, namespace=0, page_id=3, is_redirect=False)


async def test_titles_that_make_a_long_url_are_posted() -> None:
    """Fifty titles of 200 letters need one request, and all have a result."""
    titles = [f"Page {number} {'x' * 200}" for number in range(1, 51)]
    wiki, answers = await ask(*((REDIRECT_TARGETS, title) for title in titles))
    assert wiki.request_log.requests == 1
    assert [answer.page_id for answer in answers] == list(range(1, 51))


async def test_raw_query_is_sent_alone_and_retried_if_useful() -> None:
    """It never shares a request; a server error is retried; an error of the API is returned."""
    general = RAW_QUERY, encode_parameters({"meta": "siteinfo", "siprop": ["general"]})
    namespaces = RAW_QUERY, encode_parameters({"meta": "siteinfo", "siprop": "namespaces"})
    wiki, answers = await ask(general, namespaces)
    assert wiki.request_log.requests == 2
    assert answers[0]["query"]["general"]["wikiid"] == "enwiki"
    assert answers[1]["query"].keys() == {"namespaces"}
    _, retried = await ask(general, rules=(Rule(faults.HttpStatus(500), times=1),))
    assert retried == answers[:1]
    _, (refused,) = await ask((RAW_QUERY, encode_parameters({"action": "frobnicate"})))
    assert isinstance(refused, Fail)
    assert refused.error_type == "ApiError"


def test_values_of_a_raw_query_become_text() -> None:
    """Lists are joined and booleans become numbers; implied parameters can be replaced, and extra ones come last."""
    parameters = encode_parameters({"titles": ["A", "B"], "redirects": True, "cllimit": 50})
    query = RAW_QUERY.build_query([parameters], {"maxlag": "5"})
    assert parse_qs(query) == {
        **{name: [value] for name, value in (("action", "query"), ("format", "json"), ("formatversion", "2"))},
        "titles": ["A|B"],
        "redirects": ["1"],
        "cllimit": ["50"],
        "maxlag": ["5"],
    }


async def test_pause_of_a_wiki_applies_to_all_queries() -> None:
    """The limit of requests is shared, too."""
    harness = Harness(api := ScriptedApi(), farm=FarmSettings(max_concurrency=1))
    paused = harness.dispatcher._new_queue(WIKI, REVISIONS)
    paused.pause.extend(monotonic() + 60.0)
    assert harness.dispatcher._new_queue(WIKI, REDIRECT_TARGETS).pause is paused.pause
    harness.dispatcher.add(WIKI, QueueEntry("A page", None, lambda _: None, monotonic()), REDIRECT_TARGETS)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert api.requests == []
    await harness.dispatcher.close()
