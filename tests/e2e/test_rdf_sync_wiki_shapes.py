"""rdf-sync and wikis that differ from Wikidata: article path, content language, concept base, private reading.

The store equals the wiki in the end by the tables of the page on munging, or the run ends at its start with the cause.
"""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from pyoxigraph import Quad, Store
from tests.e2e.commands import run_wikistate
from tests.e2e.sync_run import COMPLETE_MESSAGE, IN_STEP_MESSAGE, SyncRun
from tests.support.expected_store import expected_triples
from tests.unit.adapters.http.http_server import serving

from wikistate.testing.faults import ByteOrderMark, HttpStatus, NonJsonBody, Rule
from wikistate.testing.wiki.accounts import Accounts
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Item, Repository, make_wikibase_wiki
from wikistate.testing.wikibase.entities import EntityKind
from wikistate.testing.wikibase.entity_generator import EntityGenerator
from wikistate.testing.wikibase.layout import SUITE_NAMESPACES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BOT, PASSWORD = "Bot@reading", "secret"
ITEM = Item(id="Q1", labels={"en": "an item"})


@dataclass(frozen=True)
class Shape:
    """Switches of the test Wikibase.

    Attributes:
        wiki: Arguments of `make_wikibase_wiki`.
        served: Arguments of `FakeWikibase`.
        switches: Attributes of `FakeWikibase`.
        journal: Attributes of `Repository`.
        faults: Faults of all its responses.
        settings: Settings of the job beside the usual ones.
    """

    wiki: dict[str, Any] = field(default_factory=dict)
    served: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, Any] = field(default_factory=dict)
    journal: dict[str, Any] = field(default_factory=dict)
    faults: tuple[Rule, ...] = ()
    settings: tuple[str, ...] = ()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeWikibase]:
        """Serve a Wikibase of this shape, with entities of all kinds and editors."""
        repository = Repository(make_wikibase_wiki(**self.wiki))
        editors = EditSimulator(repository, seed=8, triples=50, protects=True)
        editors.create_initial(12)
        made = FakeWikibase(repository, simulator=editors, **({"has_local_data_nodes": True} | self.served))
        for name, value in self.journal.items():
            setattr(repository, name, value)
        for name, value in self.switches.items():
            setattr(made, name, value)
        async with made as wikibase:
            wikibase.set_faults(self.faults)
            yield wikibase


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
    "documents named after the concept base": Shape(served={"has_local_data_nodes": False}),
    "items in the main namespace": Shape({"namespaces": SUITE_NAMESPACES | {EntityKind.ITEM: 0}}),
    "three rows in a response": Shape(served={"max_rows": 3}),
    "log rows without null revisions": Shape(journal={"log_rows_name_null_revisions": False}),
    "dangling redirects have documents": Shape(switches={"withholds_dangling_redirects": False}),
    "replicas behind": Shape(switches={"replication_delay": 0.2}, settings=("--set", "rdf.acceptable_lag=4")),
    "byte order marks": Shape(faults=(Rule(ByteOrderMark(before=2, behind=1)),)),
    "every third entity fails at first": Shape(
        faults=(Rule(HttpStatus(503), path="EntityData", every=3),), settings=("--set", "enrich.retry.base_delay=0.05")
    ),
    "all at once": Shape(
        {"concept_base": "https://wb.example/base", "language": "de", "article_path": "/index.php/$1"},
    ),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_wiki_of_any_shape_is_followed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is filled, follows each kind of change, survives a kill, and follows the wiki after it became private.

    Changes of each kind are made while the job follows, when it is killed, while it is down, and after its sessions ended.
    Nothing fails, and verification finds all entities in step.
    """
    monkeypatch.setenv("BOT_PASSWORD", PASSWORD)
    async with SHAPES[name].serve() as wikibase:
        write_credentials(tmp_path / "wiki.yaml", wikibase)
        sync, settings = SyncRun(wikibase, tmp_path), SHAPES[name].settings
        async with sync.start(*settings) as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            change_in_each_way(wikibase)
            simulate(wikibase, 30)
            await sync.wait_until_fresh(command)
            change_in_each_way(wikibase)
            command.send(signal.SIGKILL)
        change_in_each_way(wikibase)
        wikibase.accounts = Accounts({BOT: PASSWORD})
        async with sync.start(*settings, "--config", "wiki.yaml") as command:
            await command.wait_for_log(IN_STEP_MESSAGE)
            wikibase.accounts.end_sessions()
            change_in_each_way(wikibase)
            simulate(wikibase, 20)
            await sync.assert_catches_up(command)
        assert_equals_wiki(wikibase.repository, tmp_path)
        assert read_fetch_failures(tmp_path) == ""
        words = ("store", "verify", "--wikibase", wikibase.url, "--store", "store", "--entity", "P1")
        verified = await run_wikistate(*words, "--config", "wiki.yaml", folder=tmp_path)
        assert verified.status == 0, verified.err
        assert b"not to be compared" not in verified.out


def change_in_each_way(wikibase: FakeWikibase) -> None:
    """Make a change of each kind: edit, protect, delete, restore, merge, redirect, hide, and a redirect to nothing."""
    repository = wikibase.repository
    number = len(repository.current_revisions)
    author = EntityGenerator(Random(number), items=12)
    edited, deleted, restored, merged, target, redirect, dangling, gone = (
        repository.save(author.make_item(repository.next_id(EntityKind.ITEM), triples=10)).entity for _ in range(8)
    )
    repository.save(author.make_item(edited, triples=10))
    repository.protect(edited)
    repository.save(author.make_item(edited, triples=10))
    repository.hide(edited, repository.revisions(edited)[0].rev_id)
    repository.protect(target)
    repository.delete(deleted)
    repository.delete(restored)
    repository.restore(restored)
    repository.merge(merged, target)
    repository.redirect(redirect, edited)
    repository.protect(redirect)
    repository.redirect(dangling, gone)
    repository.delete(gone)


def write_credentials(file: Path, wikibase: FakeWikibase) -> None:
    """Write settings with the login of a private wiki."""
    login = f'{{bot_name: "{BOT}", bot_password_env: BOT_PASSWORD}}'
    api = f"{wikibase.url}{wikibase.repository.wiki.script_path}/api.php"
    file.write_text(f'wikis: {{"127.0.0.1": {{api: "{api}", credentials: {login}}}}}')


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
        write_credentials(tmp_path / "wiki.yaml", wikibase)
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
