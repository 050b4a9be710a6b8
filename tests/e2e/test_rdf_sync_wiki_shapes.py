"""rdf-sync and wikis that differ from Wikidata: article path, content language, concept base, private reading.

The store equals the wiki in the end by the tables of the page on munging, or the run ends at its start with the cause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from pyoxigraph import Quad, Store
from tests.e2e.commands import run_wikistate
from tests.e2e.sync_run import COMPLETE_MESSAGE, IN_STEP_MESSAGE, SyncRun
from tests.support.expected_store import expected_triples
from tests.unit.adapters.http.http_server import serving

from wikistate.testing.faults import HttpStatus, NonJsonBody, Rule
from wikistate.testing.wiki.accounts import Accounts
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Item, Repository, make_wikibase_wiki

if TYPE_CHECKING:
    from pathlib import Path

BOT, PASSWORD = "Bot@reading", "secret"
ITEM = Item(id="Q1", labels={"en": "an item"})


@dataclass(frozen=True)
class Shape:
    """Switches of the test Wikibase."""

    wiki: dict[str, Any] = field(default_factory=dict)
    has_local_data_nodes: bool = True

    def serve(self) -> FakeWikibase:
        """Return a Wikibase of this shape, with entities of all kinds and editors."""
        repository = Repository(make_wikibase_wiki(**self.wiki))
        editors = EditSimulator(repository, seed=8, triples=50)
        editors.create_initial(12)
        return FakeWikibase(repository, simulator=editors, has_local_data_nodes=self.has_local_data_nodes)


SHAPES = {
    "/wiki/$1": Shape(),
    "/index.php/$1": Shape({"article_path": "/index.php/$1"}),
    "/index.php?title=$1": Shape({"article_path": "/index.php?title=$1"}),
    "/view/$1": Shape({"article_path": "/view/$1"}),
    "content language de": Shape({"language": "de"}),
    "content language fr": Shape({"language": "fr", "article_path": "/view/$1"}),
    "content language de, /index.php?title=$1": Shape({"language": "de", "article_path": "/index.php?title=$1"}),
    "concept base on another host": Shape({"concept_base": "http://wb.example"}),
    "https concept base, http server": Shape({"concept_base": "https://wikibase.example"}),
    "documents named after the concept base": Shape(has_local_data_nodes=False),
    "all at once": Shape(
        {"concept_base": "https://wb.example/base", "language": "de", "article_path": "/index.php/$1"},
    ),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_wiki_of_any_shape_is_followed(name: str, tmp_path: Path) -> None:
    """The store is filled, followed and resumed; nothing fails, and verification finds all entities in step."""
    async with SHAPES[name].serve() as wikibase:
        sync = SyncRun(wikibase, tmp_path)
        async with sync.start() as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            simulate(wikibase, 60)
            await sync.assert_catches_up(command)
        assert_equals_wiki(wikibase.repository, tmp_path)
        simulate(wikibase, 20)
        async with sync.start() as command:
            await command.wait_for_log(IN_STEP_MESSAGE)
            await sync.assert_catches_up(command)
        assert_equals_wiki(wikibase.repository, tmp_path)
        assert read_fetch_failures(tmp_path) == ""
        words = ("store", "verify", "--wikibase", wikibase.url, "--store", "store", "--entity", "P1")
        verified = await run_wikistate(*words, folder=tmp_path)
        assert verified.status == 0, verified.err
        assert b"not to be compared" not in verified.out


def simulate(wikibase: FakeWikibase, changes: int) -> None:
    """Edit the wiki, with creations, merges, deletions and restores."""
    wikibase.simulator.simulate(changes)


def assert_equals_wiki(repository: Repository, folder: Path) -> None:
    """Assert that the store holds the triples of all current entities, and nothing else."""
    expected = Store()
    expected.extend(Quad(*triple) for triple in expected_triples(repository))
    assert len(expected) > 500
    root = f"<{repository.vocabulary.concept_base}>"
    found = {
        str(quad) for quad in Store(folder / "store") if not str(quad.subject).startswith(("<urn:wikistate:", root))
    }
    wanted = {str(quad) for quad in expected}
    extra, missing = sorted(found - wanted)[:5], sorted(wanted - found)[:5]
    assert not extra + missing, f"{extra=} {missing=}"


def read_fetch_failures(folder: Path) -> str:
    """Return the failed fetches, except of entities that were deleted before they were fetched."""
    files = [path for path in folder.glob("*.ndjson") if path.is_file()]
    lines = [line for path in files for line in path.read_text().splitlines()]
    return "\n".join(line for line in lines if "/fetch_failure/" in line and '"ENTITY_NOT_FOUND"' not in line)


@pytest.mark.parametrize("language", ["en", "de"])
async def test_private_wiki_is_followed_with_credentials(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials are found by the host of the address, also if the wiki states another domain."""
    monkeypatch.setenv("BOT_PASSWORD", PASSWORD)
    async with Shape({"language": language}).serve() as wikibase:
        wikibase.accounts = Accounts({BOT: PASSWORD})
        (tmp_path / "wiki.yaml").write_text(
            f'wikis: {{"127.0.0.1": {{api: "{wikibase.url}/w/api.php", credentials: '
            f'{{bot_name: "{BOT}", bot_password_env: BOT_PASSWORD}}}}}}'
        )
        sync = SyncRun(wikibase, tmp_path)
        async with sync.start("--config", "wiki.yaml") as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            simulate(wikibase, 30)
            wikibase.accounts.end_sessions()
            simulate(wikibase, 30)
            await sync.assert_catches_up(command)
        assert_equals_wiki(wikibase.repository, tmp_path)


async def test_private_wiki_without_credentials_ends_the_start(tmp_path: Path) -> None:
    """The message names the settings of the login."""
    async with Shape().serve() as wikibase:
        wikibase.accounts = Accounts({BOT: PASSWORD})
        for address in (wikibase.url, f"{wikibase.url}/w/api.php"):
            words = ("run", "rdf-sync", "--no-progress", "--wikibase", address, "--store", "store")
            result = await run_wikistate(*words, folder=tmp_path)
            assert result.status == 4, result.err
            assert "readapidenied: You need read permission to use this module.\n" in result.err
            assert f"set wikis.127.0.0.1.api to {wikibase.url}/w/api.php" in result.err
            assert "wikis.127.0.0.1.credentials" in result.err


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (HttpStatus(403), "answers with the HTTP status 403"),
        (HttpStatus(404), "answers 404: the wiki does not know this revision"),
        (HttpStatus(200, {"Content-Type": "text/turtle"}, "<a:b> <c:d> <e:f> ."), "is not about"),
        (HttpStatus(200, {"Content-Type": "text/turtle"}, "no RDF"), "is not text/turtle"),
        (HttpStatus(200, {"Content-Type": "text/turtle"}, ""), "empty body"),
        (NonJsonBody(), "web page|HTML page"),
    ],
    ids=str,
)
async def test_entities_that_cannot_be_read_end_the_start(fault: Any, cause: str, tmp_path: Path) -> None:
    """The store would stay empty, and each entity would be a failure of its own. Verification ends in the same way."""
    async with Shape().serve() as wikibase:
        wikibase.set_faults([Rule(fault, path="EntityData")])
        for words in (("run", "rdf-sync", "--no-progress"), ("store", "verify")):
            result = await run_wikistate(*words, "--wikibase", wikibase.url, "--store", "store", folder=tmp_path)
            assert result.status == 4, result.err
            assert "The entities of wikibase.example cannot be read" in result.err
            assert any(each in result.err for each in cause.split("|")), result.err
        assert wikibase.request_log.requests <= 40


async def test_redirect_to_another_server_ends_the_start_with_the_right_setting(tmp_path: Path) -> None:
    """The value of the setting works."""
    async with Shape().serve() as wikibase:

        async def redirect(request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": f"{wikibase.url}{request.path_qs}"})

        async with serving(redirect) as proxy:
            sync, address = SyncRun(wikibase, tmp_path), f"{proxy}/wiki/Special:EntityData/"
            message = await sync.run_to_error("--set", f"rdf.entity_data={address}")
            right = f"rdf.entity_data to {wikibase.url}/wiki/Special:EntityData/"
            assert right in message
        async with sync.start("--set", right.replace(" to ", "=")) as command:
            await sync.assert_catches_up(command)
        assert_equals_wiki(wikibase.repository, tmp_path)


async def test_address_that_does_not_answer_ends_the_start(tmp_path: Path) -> None:
    """The wiki answers at another address, so that waiting would never end."""
    async with Shape().serve() as wikibase:
        message = await SyncRun(wikibase, tmp_path).run_to_error("--set", "rdf.entity_data=http://127.0.0.1:9/data/")
        assert "cannot be read: the wiki lists" in message
        assert (
            f"Remove rdf.entity_data, which is http://127.0.0.1:9/data/: the default is {wikibase.url}/wiki/" in message
        )


@pytest.mark.parametrize(
    "shape", [Shape({"language": "de"}), Shape({"concept_base": "http://wb.example"})], ids=["language", "concept base"]
)
async def test_empty_wiki_is_followed(shape: Shape, tmp_path: Path) -> None:
    """The first entity is checked when it comes."""
    repository = Repository(make_wikibase_wiki(**shape.wiki))
    async with FakeWikibase(repository, has_local_data_nodes=True) as wikibase:
        sync = SyncRun(wikibase, tmp_path)
        async with sync.start() as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            EditSimulator(repository, seed=8, triples=50).create_initial(12)
            await sync.assert_catches_up(command)
        assert_equals_wiki(repository, tmp_path)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (HttpStatus(403), "HTTP status 403"),
        (HttpStatus(200, {"Content-Type": "text/turtle"}, "no RDF"), "is not Turtle"),
    ],
    ids=str,
)
async def test_first_entity_of_an_empty_wiki_that_cannot_be_read_ends_the_run(
    fault: HttpStatus, cause: str, tmp_path: Path
) -> None:
    """The check of the start had nothing to read."""
    repository = Repository(make_wikibase_wiki())
    async with FakeWikibase(repository, has_local_data_nodes=True) as wikibase:
        async with SyncRun(wikibase, tmp_path).start() as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            wikibase.set_faults([Rule(fault, path="EntityData")])
            repository.save(ITEM)
            result = await command.finish()
        assert result.status == 4, result.err
        assert "The entities of the wiki cannot be read, Q1 among them." in result.err
        assert cause in result.err
