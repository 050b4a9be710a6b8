"""A wiki whose answers lack fields: the command resumes behind a change, and ends at the start with a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.e2e.commands import JOB, CommandResult, run_wikistate
from tests.e2e.enrichment_job import read_lines

if TYPE_CHECKING:
    from pathlib import Path

TIME = "2026-01-31T12:00:00Z"
ROW = {"type": "edit", "ns": 0, "title": "Page 9", "pageid": 9, "timestamp": TIME, "old_revid": 0, "newlen": 2}
GENERAL = {"wikiid": "w", "servername": "w.example", "server": "//w.example", "articlepath": "/wiki/$1"}


class OddWiki:
    """A wiki with one page, some rows and a siteinfo that a test defines."""

    def __init__(self, rows: list[Any], general: object = GENERAL, namespaces: object = None) -> None:
        self.rows = rows
        self.general = general
        self.namespaces = {"0": {"id": 0, "content": True}} if namespaces is None else namespaces

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a query."""
        given = {**request.query, **await request.post()}
        query: dict[str, object] = {"pages": []}
        if given.get("meta") == "siteinfo":
            query = {"general": self.general, "namespaces": self.namespaces}
        elif given.get("list") == "recentchanges":
            query = {"recentchanges": self.rows}
        elif "content" in str(given.get("rvprop")):
            query = {"pages": [{"pageid": 9, "ns": 0, "title": "Page 9", "revisions": [_revision(2)]}]}
        return web.json_response({"batchcomplete": True, "curtimestamp": "2026-01-31T13:00:00Z", "query": query})


def _revision(number: int) -> dict[str, object]:
    slot = {"contentmodel": "wikitext", "contentformat": "text/x-wiki", "content": "hi", "size": 2}
    return {"revid": number, "parentid": 0, "timestamp": TIME, "size": 2, "slots": {"main": slot}}


async def run(wiki: OddWiki, folder: Path, *more: str) -> CommandResult:
    """Follow the wiki over the hour of its changes."""
    application = web.Application()
    application.router.add_route("*", "/w/api.php", wiki.answer)
    async with TestServer(application) as server:
        url = str(server.make_url("/w/api.php"))
        settings = {
            "wikis": orjson.dumps({"w.example": {"api": url}}).decode(),
            "stream_manager.source.options.poll_interval": "0.1",
        }
        changed = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        source = (
            "--source",
            f"recentchanges:{url}?since=2026-01-31T11:30:00Z&end=2026-01-31T12:30:00Z",
            "--sink",
            "file:out.ndjson",
            "--state",
            "state",
        )
        return await run_wikistate(*JOB, *source, *changed, *more, folder=folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"revid": None}, "recentchanges.revid is None, but must be a number from 1"),
        ({"revid": 2**63}, "recentchanges.revid is 9223372036854775808"),
        ({"revid": 1, "timestamp": "soon"}, "recentchanges.timestamp is 'soon'"),
    ],
    ids=str,
)
async def test_row_that_cannot_be_read_is_an_error_event(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    """The change behind it is enriched, and the run ends with the exit code 0."""
    done = await run(OddWiki([ROW | {"rcid": 1} | change, ROW | {"rcid": 2, "revid": 2}]), tmp_path)
    assert done.status == 0, done.err
    (enriched,) = read_lines(tmp_path / "out.ndjson")
    assert enriched["revision"]["content_slots"]["main"]["content_body"] == "hi"
    (error,) = read_lines(tmp_path / "out.errors.ndjson")
    assert error["error_type"] == "UnreadableChange"
    assert reason in error["message"]
    assert orjson.loads(error["raw_event"])["rcid"] == 1
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("general", "namespaces", "reason"),
    [
        (None, None, "query.general is None, but must be an object"),
        ({**GENERAL, "server": None}, None, "query.general.server is None, but must be a text"),
        (GENERAL, [{"id": 0}], "query.namespaces is [{'id': 0}], but must be an object"),
    ],
    ids=str,
)
async def test_malformed_siteinfo_ends_the_command(
    general: object, namespaces: object, reason: str, tmp_path: Path
) -> None:
    """The message names the wiki, the field and the expected value; the exit code is that of an external system."""
    done = await run(OddWiki([], general, namespaces), tmp_path)
    assert done.status == 4, done.err
    assert reason in done.err
    assert "/w/api.php" in done.err
    assert "Traceback" not in done.err


async def test_malformed_siteinfo_ends_a_sync(tmp_path: Path) -> None:
    """The start of rdf-sync reads the same siteinfo."""
    application = web.Application()
    application.router.add_route("*", "/w/api.php", OddWiki([], {**GENERAL, "server": 5}).answer)
    async with TestServer(application) as server:
        words = ("run", "rdf-sync", "--wikibase", str(server.make_url("/w/api.php")), "--store", "store")
        done = await run_wikistate(*words, folder=tmp_path)
    assert done.status == 4, done.err
    assert "query.general.server is 5, but must be a text" in done.err
    assert "Traceback" not in done.err
