"""Each answer of a wiki to a login, over HTTP: renewed, waited for, or final with advice."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, get_args

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki import sessions
from wikistate.adapters.mediawiki.credentials import BearerToken, BotPassword
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.sessions import TokenSession
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.core.enrichment.content import Content
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.login_answers import (
    LOGIN_TABLE,
    LoginAnswer,
    classify_login_failure,
    classify_login_result,
)
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.demo.pages import Page, make_revision
from wikistate.demo.pages import Wiki as DemoWiki
from wikistate.errors import WikiError
from wikistate.secret import reveal
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.wiki import Accounts, FakeWiki, MemoryDataset
from wikistate.testing.wiki.accounts import LoginRefusalName

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOMAIN = "private.example"
BOT = BotPassword("Bot@reading", "s3cret")
FINAL = ("Aborted", "Blocked", "WrongPass", "NotExists")
FINAL_AT_FIRST = ("403",)
PASSING = [name for name in get_args(LoginRefusalName) if name not in (*FINAL, *FINAL_AT_FIRST)]


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for milliseconds; the delays that the answers name are capped as well."""
    hurried = RetryPolicy(base_delay=0.01, max_delay=0.02, retry_after_cap=0.05)
    monkeypatch.setattr(sessions, "_WAIT_POLICY", hurried)


@asynccontextmanager
async def private_wiki(credential: BotPassword = BOT) -> AsyncIterator[tuple[Accounts, RevisionClient, Wiki]]:
    """Yield the accounts of a private wiki of sixty revisions, and a client of it."""
    data, name = MemoryDataset(DemoWiki("private", DOMAIN)), DemoWiki("private", DOMAIN)
    for rev_id in range(1, 61):
        data.put(name, Page(rev_id, f"Page {rev_id}"), make_revision(rev_id, f"text {rev_id}"))
    async with FakeWiki(data) as server:
        accounts = server.accounts = Accounts({BOT.name: reveal(BOT.password)})
        client = RevisionClient(
            HttpClient(HttpSettings()),
            RecordingMeter(),
            policy=RetryPolicy(base_delay=0.01, max_delay=0.02, retry_after_cap=0.05),
            credentials={DOMAIN: credential},
        )
        await client.open()
        try:
            yield accounts, client, Wiki(DOMAIN, f"{server.url}/w/api.php", DOMAIN, "farm")
        finally:
            await client.close()


async def fetch_all(client: RevisionClient, wiki: Wiki) -> list[Content | Fail]:
    """Fetch the sixty revisions at once."""
    async with asyncio.timeout(60):
        return list(await asyncio.gather(*(client.fetch_async(wiki, rev_id) for rev_id in range(1, 61))))


@pytest.mark.parametrize("answer", PASSING)
async def test_all_events_are_enriched_after_a_login_that_was_refused_once(answer: LoginRefusalName) -> None:
    """60 of 60; all wait for the one login that succeeds."""
    async with private_wiki() as (accounts, client, wiki):
        accounts.refuse(answer)
        assert all(isinstance(result, Content) for result in await fetch_all(client, wiki))
        assert accounts.logins == 2


@pytest.mark.parametrize("answer", [*PASSING, *FINAL_AT_FIRST])
async def test_all_events_are_enriched_when_a_renewed_login_is_refused_often(answer: LoginRefusalName) -> None:
    """More refusals than an event has attempts; "Failed" for an unknown reason is final when it is repeated."""
    async with private_wiki() as (accounts, client, wiki):
        await fetch_all(client, wiki)
        accounts.end_sessions()
        times = 1 if answer == "Failed" else 9
        accounts.refuse(*[answer] * times)
        assert all(isinstance(result, Content) for result in await fetch_all(client, wiki))
        assert accounts.logins == 2 + times


@pytest.mark.parametrize("answer", [*FINAL, *FINAL_AT_FIRST])
async def test_final_answer_fails_with_the_setting_to_check_and_one_login(answer: LoginRefusalName) -> None:
    """The account must not be locked, so the login is not repeated."""
    async with private_wiki() as (accounts, client, wiki):
        accounts.refuse(*[answer] * 5)
        results = await fetch_all(client, wiki)
        assert accounts.logins == 1
    for result in results:
        assert isinstance(result, Fail)
        assert result.error_type == "LoginFailed"
        assert DOMAIN in result.message
        assert any(hint in result.message for hint in ("wikis.DOMAIN", "administrator", "Special:BotPasswords"))


async def test_wait_that_the_wiki_states_is_kept() -> None:
    """The wait of a throttled login is stated by a number or in the reason, in several units."""
    stated: list[dict[str, object]] = [
        {"result": "Throttled", "wait": 7},
        {"result": "Failed", "reason": "You have made too many recent login attempts. Please wait 2 minutes."},
        {"result": "Failed", "reason": {"code": "login-throttled", "text": "Please wait 1 hour."}},
    ]
    found = [classify_login_result(each) for each in stated]
    assert [each and (each.rule.answer, each.wait) for each in found] == [
        (LoginAnswer.THROTTLED, 7.0),
        (LoginAnswer.THROTTLED, 120.0),
        (LoginAnswer.THROTTLED, 3600.0),
    ]


async def test_session_that_the_wiki_ends_at_once_does_not_lead_to_a_storm_of_logins() -> None:
    """The login succeeds, and each request is anonymous all the same: the next logins wait."""
    async with private_wiki() as (accounts, client, wiki):
        accounts.forgotten_logins = 2
        assert all(isinstance(result, Content) for result in await fetch_all(client, wiki))
        assert accounts.logins == 3


async def test_source_names_the_cause_of_a_refused_first_login() -> None:
    """A first connection does not wait: it ends with the answer of the wiki."""
    async with FakeWiki(MemoryDataset(DemoWiki("private", DOMAIN))) as server:
        server.accounts = Accounts({})
        client = QueryClient(f"{server.url}/w/api.php", HttpSettings(), credential=BOT)
        await client.open()
        with pytest.raises(WikiError, match=r"Incorrect username or password.*wikis\.DOMAIN\.credentials"):
            await client.query({"meta": "siteinfo"}, tries=1)
        await client.close()


async def test_refused_access_token_is_read_again() -> None:
    """A token that was renewed in its file is used; the same token fails with the setting to check."""
    tokens = ["old", "new", "new", "new", "new"]

    async def respond(request: web.Request) -> web.Response:
        if request.headers["Authorization"] == "Bearer new":
            return web.json_response({"query": {}})
        code = "mwoauth-invalid-authorization"
        return web.json_response({"error": {"code": code, "info": "The authorization headers are not valid"}})

    async with serving(respond) as origin:
        token = BearerToken(tokens.pop(0), lambda: tokens.pop(0))
        client = QueryClient(f"{origin}/w/api.php", HttpSettings(), credential=token)
        await client.open()
        assert await client.query({}, tries=2) == {"query": {}}
        await client.close()


async def test_source_logs_in_again_when_its_session_has_ended() -> None:
    """The client of sources renews its session as the client of revisions does."""
    async with FakeWiki(MemoryDataset(DemoWiki("private", DOMAIN))) as server:
        accounts = server.accounts = Accounts({BOT.name: reveal(BOT.password)})
        client = QueryClient(f"{server.url}/w/api.php", HttpSettings(), credential=BOT)
        await client.open()
        for _ in range(2):
            await client.query({"meta": "siteinfo"}, tries=2)
            accounts.end_sessions()
        await client.close()
    assert accounts.logins == 2


async def test_token_that_stays_refused_is_final() -> None:
    """It names the setting; concurrent answers to the same request count once."""
    session = TokenSession(BearerToken("t"), place=DOMAIN)
    first = await session.headers()
    for _ in range(5):
        assert not isinstance(first, Failure)
        session.on_logged_out(first)
    for _ in range(2):
        headers = await session.headers()
        assert not isinstance(headers, Failure)
        session.on_logged_out(headers)
    failure = await session.headers()
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.LOGIN_FAILED
    assert "token_file" in failure.detail


def test_each_answer_has_one_row() -> None:
    """The table is complete."""
    assert sorted(row.answer for row in LOGIN_TABLE) == sorted(LoginAnswer)


def test_failed_request_of_a_login_is_in_the_table() -> None:
    """Each kind of failure has an answer, and its Retry-After is kept."""
    for kind in FailureKind:
        assert classify_login_failure(Failure(kind, "x", 3.0)).wait == 3.0
    assert classify_login_failure(Failure(FailureKind.API_ERROR, "x", code="badtoken")).rule.answer == (
        LoginAnswer.SESSION_LOST
    )
