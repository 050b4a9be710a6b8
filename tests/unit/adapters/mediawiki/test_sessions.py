from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki.credentials import BearerToken, BotPassword, Credential
from wikistate.adapters.mediawiki.dispatcher import BatchSettings
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.adapters.secrets import read_secret
from wikistate.core.enrichment.content import Content
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.errors import ConfigError
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from multidict import MultiMapping

NAME = "Bot@reading"
PASSWORD = "s3cret"
BOT = BotPassword(NAME, PASSWORD)


class PrivateWiki:
    """Wiki that shows its revisions only to users who are logged in.

    Attributes:
        logins: Number of attempts to log in.
        authorizations: ``Authorization`` headers of all requests.
        cookies: ``Cookie`` headers of queries for revisions.
    """

    def __init__(self) -> None:
        self.logins = 0
        self.authorizations: list[str | None] = []
        self.cookies: list[str] = []
        self._session = ""

    def forget(self) -> None:
        """End all sessions, as a restart of the session store does."""
        self._session = ""

    async def respond(self, request: web.Request) -> web.Response:
        """Respond to a request for a login token, a login, or revisions."""
        self.authorizations.append(request.headers.get("Authorization"))
        if request.query["action"] == "login":
            return self._log_in(await request.post())
        if request.query.get("meta") == "tokens":
            answer = web.json_response({"query": {"tokens": {"logintoken": "token+\\"}}})
            answer.set_cookie("wiki_session", "fresh", httponly=True, samesite="Lax")
            return answer
        self.cookies.append(request.headers.get("Cookie", ""))
        if request.query.get("assert") == "user" and not self._knows(request):
            return web.json_response({"error": {"code": "assertuserfailed", "info": "You are no longer logged in"}})
        rev_ids = map(int, request.query["revids"].split("|"))
        revisions = [{"revid": rev_id, "slots": {"main": {"content": "private"}}} for rev_id in rev_ids]
        return web.json_response({"query": {"pages": [{"revisions": revisions}]}})

    def _log_in(self, form: MultiMapping[object]) -> web.Response:
        self.logins += 1
        if (form["lgname"], form["lgpassword"], form["lgtoken"]) != (NAME, PASSWORD, "token+\\"):
            return web.json_response({"login": {"result": "Failed", "reason": "Incorrect username or password"}})
        self._session = f"session{self.logins}"
        answer = web.json_response({"login": {"result": "Success"}})
        answer.set_cookie("wiki_session", self._session)
        answer.set_cookie("wiki_user", "Bot")
        return answer

    def _knows(self, request: web.Request) -> bool:
        return bool(self._session) and request.cookies.get("wiki_session") == self._session


@asynccontextmanager
async def asking(
    credentials: Mapping[str, Credential],
) -> AsyncIterator[tuple[PrivateWiki, RevisionClient, Wiki]]:
    """Yield a private wiki, and a client with these credentials and single requests."""
    private = PrivateWiki()
    client = RevisionClient(
        HttpClient(HttpSettings()),
        RecordingMeter(),
        policy=RetryPolicy(base_delay=0.001),
        batches=BatchSettings(max_batch=1),
        credentials=credentials,
    )
    async with serving(private.respond) as origin:
        await client.open()
        yield private, client, Wiki("private.example", f"{origin}/w/api.php", None, "farm")
        await client.close()


async def test_one_login_serves_all_requests() -> None:
    """Concurrent requests wait for the login; its cookies are sent with each, and the account is asserted."""
    async with asking({"private.example": BOT}) as (private, client, wiki):
        results = await asyncio.gather(*(client.fetch_async(wiki, rev_id) for rev_id in range(1, 9)))
        assert all(isinstance(result, Content) for result in results)
        assert private.logins == 1
        assert private.cookies == ["wiki_session=session1; wiki_user=Bot"] * 8


async def test_expired_session_is_renewed() -> None:
    """`assertuserfailed` leads to one login and a retry, without an error."""
    async with asking({"private.example": BOT}) as (private, client, wiki):
        await client.fetch_async(wiki, 1)
        private.forget()
        results = await asyncio.gather(*(client.fetch_async(wiki, rev_id) for rev_id in range(1, 9)))
        assert all(isinstance(result, Content) for result in results)
        assert private.logins == 2


async def test_rejected_login_is_not_repeated() -> None:
    """A wrong password must not lock the account; each revision gets the reason, without the password."""
    async with asking({"private.example": BotPassword(NAME, "wr0ng")}) as (private, client, wiki):
        for rev_id in (1, 2, 3):
            result = await client.fetch_async(wiki, rev_id)
            assert isinstance(result, Fail)
            assert result.error_type == "LoginFailed"
            assert "Incorrect username" in result.message
            assert "wr0ng" not in result.message
        assert private.logins == 1


async def test_token_is_sent_with_each_request() -> None:
    """OAuth 2 needs no login, only a header."""
    async with asking({"private.example": BearerToken("t0ken")}) as (private, client, wiki):
        assert isinstance(await client.fetch_async(wiki, 1), Content)
        assert private.authorizations == ["Bearer t0ken"]


@pytest.mark.parametrize("credential", [BOT, BearerToken("t0ken")], ids=["password", "token"])
async def test_credentials_go_to_no_other_wiki(credential: Credential) -> None:
    """A wiki without configured credentials gets none, even at the same address."""
    async with asking({"private.example": credential}) as (private, client, wiki):
        await client.fetch_async(wiki, 1)
        private.authorizations.clear()
        private.cookies.clear()
        await client.fetch_async(Wiki("other.example", wiki.url, "other.example", "farm"), 1)
        assert private.authorizations == [None]
        assert private.cookies == [""]


async def test_credentials_of_a_farm_apply_to_its_wikis() -> None:
    """One account may serve many wikis; the credentials of a wiki itself come first."""
    async with asking({"farm": BearerToken("shared"), "private.example": BearerToken("own")}) as (
        private,
        client,
        wiki,
    ):
        await client.fetch_async(wiki, 1)
        await client.fetch_async(Wiki("other.example", wiki.url, "other.example", "farm"), 1)
        assert private.authorizations == ["Bearer own", "Bearer shared"]


def test_secrets_are_not_shown() -> None:
    """`repr` is the form that logs and tracebacks show, and it leaves them out."""
    assert "s3cret" not in repr(BOT)
    assert "t0ken" not in repr(BearerToken("t0ken"))


def test_secrets_come_from_environment_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line break that editors put at the end of a file is removed."""
    monkeypatch.setenv("WIKI_TOKEN", "from environment")
    (tmp_path / "token").write_text("from file\n")
    assert read_secret(env="WIKI_TOKEN").reveal() == "from environment"
    assert read_secret(file=tmp_path / "token").reveal() == "from file"


def test_missing_secret_is_a_configuration_error(tmp_path: Path) -> None:
    """The message has the place where the secret should be."""
    (tmp_path / "empty").write_text("\n")
    for place, arguments in {
        "WIKI_TOKEN_THAT_IS_NOT_SET": {"env": "WIKI_TOKEN_THAT_IS_NOT_SET"},
        "empty": {"file": tmp_path / "empty"},
        "absent": {"file": tmp_path / "absent"},
        "no environment variable and no file": {},
    }.items():
        with pytest.raises(ConfigError, match=place):
            read_secret(**arguments)  # type: ignore[arg-type]  # a str or a Path by name
