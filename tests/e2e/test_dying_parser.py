"""A document that ends the process of its parser: the third run refuses it, and moves on."""

from __future__ import annotations

import os
import signal
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.e2e.commands import run_wikistate, start_command
from tests.e2e.enrichment_job import read_lines
from tests.e2e.mutation_stream import encode_lines
from tests.e2e.rdf_wiki import DOMAIN, follow_settings
from tests.e2e.sync_run import FAST_POLLING, read_folder
from tests.support.mutation_generator import MutationGenerator

from wikistate.testing.wikibase import FakeWikibase, Item, Repository, build_page_change, make_wikibase_wiki

if TYPE_CHECKING:
    from pathlib import Path

DEADLY = "a deadly label"
_CUSTOMIZE = f"""
import os
from wikistate.core.rdf import parse

original = parse.parse

def die(body, *arguments, **options):
    if {DEADLY.encode()!r} in body:
        os.abort()
    return original(body, *arguments, **options)

parse.parse = die
"""
"""Startup of the interpreter: the parser dies of a text, as it may of one that is not known yet."""


@pytest.fixture(autouse=True)
def dying_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the parser of each command die of the text, and keep its state in the folder of the test."""
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(_CUSTOMIZE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(startup), os.environ.get("PYTHONPATH")))))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))


@pytest.fixture
def repository() -> Repository:
    """Return a wiki with three items, of which the second is deadly."""
    repository = Repository(make_wikibase_wiki(DOMAIN))
    for entity, label in (("Q1", "one"), ("Q2", DEADLY), ("Q3", "three")):
        repository.save(Item(id=entity, labels={"en": label}))
    return repository


async def test_rdf_consumer_moves_past_the_message(tmp_path: Path) -> None:
    """The message becomes an error event, and the messages behind it reach the store."""
    mutations = list(MutationGenerator(Random(1)).generate(12))
    lines = [line for line in encode_lines(mutations) if b"rdf_added_data" in line]
    deadly = orjson.loads(lines[4])
    deadly["rdf_added_data"]["data"] = f'<http://x/s> <http://x/p> "{DEADLY}" .'
    lines[4] = orjson.dumps(deadly)
    (tmp_path / "in.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    words = ("run", "rdf-consumer", "--no-progress", "--source", "file:in.ndjson", "--store", "store")
    for _ in range(2):
        assert (await run_wikistate(*words, folder=tmp_path)).status == -signal.SIGABRT
    result = await run_wikistate(*words, folder=tmp_path)
    assert result.status == 0, result.err
    errors = read_lines(tmp_path / "store.errors.ndjson")
    assert {error["error_type"] for error in errors} >= {"KilledProcess"}
    refused = next(error for error in errors if error["error_type"] == "KilledProcess")
    assert "the process ended 2 times while it parsed this" in refused["message"]
    assert DEADLY in str(refused["raw_event"])


async def test_rdf_updater_moves_past_the_entity(repository: Repository, tmp_path: Path) -> None:
    """The entity becomes a fetch failure, and the entities behind it are published."""
    async with FakeWikibase(repository) as wikibase:
        events = [build_page_change(change, repository.wiki) for change in repository.journal]
        (tmp_path / "in.ndjson").write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
        words = ("run", "rdf-updater", "--no-progress", "--source=file:in.ndjson", "--sink=file:out.ndjson")
        settings = ("--state=state", *follow_settings(wikibase))
        for _ in range(2):
            assert (await run_wikistate(*words, *settings, folder=tmp_path)).status == -signal.SIGABRT
        result = await run_wikistate(*words, *settings, folder=tmp_path)
    assert result.status == 0, result.err
    (failure,) = read_lines(tmp_path / "out.side.ndjson")
    assert (failure["item"], failure["exception_type"]) == ("Q2", "KilledProcessError")
    assert {event["entity_id"] for event in read_lines(tmp_path / "out.ndjson")} == {"Q1", "Q3"}


async def test_rdf_sync_and_store_verify_move_past_the_entity(repository: Repository, tmp_path: Path) -> None:
    """A full scan completes without the entity, and the verification reports it as unknown."""
    async with FakeWikibase(repository) as wikibase:
        words = ("run", "rdf-sync", "--no-progress", "--wikibase", wikibase.url, "--store", "store", *FAST_POLLING)
        for _ in range(2):
            async with start_command(*words, folder=tmp_path) as command:
                await command.wait_until_ended()
                assert (await command.finish()).status == -signal.SIGABRT
        async with start_command(*words, folder=tmp_path) as command:
            refused = await command.wait_for_log("work_refused")
            await command.wait_for_log("store_complete_except")
            assert (await command.stop()).status == 0
        assert refused["labels"]["work"].startswith("Q2, revision ")
        assert any('"three"' in quad for quad in read_folder(tmp_path))
        verify = ("store", "verify", "--wikibase", wikibase.url, "--store", "store", "--entity", "Q2")
        ends = [await run_wikistate(*verify, folder=tmp_path) for _ in range(3)]
    assert [end.status for end in ends[:2]] == [-signal.SIGABRT] * 2
    assert ends[2].status > 0
    assert "Q2, revision 2: the process ended 2 times while it parsed this" in ends[2].out.decode()
