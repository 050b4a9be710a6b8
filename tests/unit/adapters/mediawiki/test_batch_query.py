"""Several kinds of questions to one wiki: never in one request, always under the same limits."""

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
    """All of these questions at the same time; the wiki and its answers."""
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


async def test_different_questions_go_into_different_requests() -> None:
    """Two revisions share one, a title has its own."""
    title = f"Page 3 {'x' * 200}"
    wiki, answers = await ask((REVISIONS, 1), (REDIRECT_TARGETS, title), (REVISIONS, 2))
    assert wiki.request_log.requests == 2
    first, target, second = answers
    assert isinstance(first, Content)
    assert isinstance(second, Content)
    assert target == RedirectTarget(title, namespace=0, page_id=3, is_redirect=False)


async def test_titles_that_make_a_long_url_are_posted() -> None:
    """Fifty of them, of 200 letters each: one request, and all are answered."""
    titles = [f"Page {number} {'x' * 200}" for number in range(1, 51)]
    wiki, answers = await ask(*((REDIRECT_TARGETS, title) for title in titles))
    assert wiki.request_log.requests == 1
    assert [answer.page_id for answer in answers] == list(range(1, 51))


async def test_any_query_is_asked_alone_and_again_where_that_helps() -> None:
    """Never together with another; a server error is tried again; an error of the API is told."""
    general = RAW_QUERY, encode_parameters({"meta": "siteinfo", "siprop": ["general"]})
    namespaces = RAW_QUERY, encode_parameters({"meta": "siteinfo", "siprop": "namespaces"})
    wiki, answers = await ask(general, namespaces)
    assert wiki.request_log.requests == 2
    assert answers[0]["query"]["general"]["wikiid"] == "enwiki"
    assert answers[1]["query"].keys() == {"namespaces"}
    _, again = await ask(general, rules=(Rule(faults.HttpStatus(500), times=1),))
    assert again == answers[:1]
    _, (refused,) = await ask((RAW_QUERY, encode_parameters({"action": "frobnicate"})))
    assert isinstance(refused, Fail)
    assert refused.error_type == "ApiError"


def test_values_of_any_query_become_text() -> None:
    """Lists as the API has them, booleans as numbers; what is implied can be replaced, what is added comes last."""
    parameters = encode_parameters({"titles": ["A", "B"], "redirects": True, "cllimit": 50})
    query = RAW_QUERY.build_query([parameters], {"maxlag": "5"})
    assert parse_qs(query) == {
        **{name: [value] for name, value in (("action", "query"), ("format", "json"), ("formatversion", "2"))},
        "titles": ["A|B"],
        "redirects": ["1"],
        "cllimit": ["50"],
        "maxlag": ["5"],
    }


async def test_a_wiki_that_asks_for_mercy_is_asked_nothing_else() -> None:
    """The pause of a wiki holds for all questions; the bound on requests, too."""
    harness = Harness(api := ScriptedApi(), farm=FarmSettings(max_concurrency=1))
    paused = harness.dispatcher._new_queue(WIKI, REVISIONS)
    paused.pause.extend(monotonic() + 60.0)
    assert harness.dispatcher._new_queue(WIKI, REDIRECT_TARGETS).pause is paused.pause
    harness.dispatcher.add(WIKI, QueueEntry("A page", None, lambda _: None, monotonic()), REDIRECT_TARGETS)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert api.requests == []
    await harness.dispatcher.close()
