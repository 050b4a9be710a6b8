"""Files of rdf-sync beside a SPARQL endpoint, and the count of its requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson
import pytest
from pyoxigraph import Store
from tests.e2e.commands import start_command
from tests.e2e.sync_run import FAST_POLLING, endpoint_settings, serve_endpoint

from wikistate.testing.faults import HttpStatus, Rule
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository, make_wikibase_wiki

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = "wikibase.side.example"


@pytest.fixture
def wiki() -> FakeWikibase:
    """Wiki of a host with several labels, one entity of which cannot be fetched."""
    repository = Repository(make_wikibase_wiki(DOMAIN))
    EditSimulator(repository, seed=6, triples=20).create_initial(8)
    return FakeWikibase(repository)


@pytest.mark.parametrize("state", ["state", ""], ids=["state folder", "default"])
async def test_side_and_error_files_of_an_endpoint(
    wiki: FakeWikibase, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in the folder of the state, and their names show the whole host of the wiki and of the store."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    async with wiki as wikibase, serve_endpoint(Store()) as url:
        wikibase.set_faults([Rule(HttpStatus(404), path="/Q1.ttl")])
        words = ("run", "rdf-sync", "--no-progress", "--wikibase", wikibase.url, *endpoint_settings(url), *FAST_POLLING)
        async with start_command(*words, *(("--state", state) if state else ()), folder=tmp_path) as command:
            await command.wait_for_log("store_complete_except")
            result = await command.stop()
        assert result.status == 0, result.err
        requests = wikibase.request_log.requests
    folder = tmp_path / state if state else tmp_path / "home" / "wikistate" / "rdf-sync"
    (file,) = folder.glob("*.side.ndjson")
    name = file.name.removesuffix(".side.ndjson")
    readable = f"{DOMAIN}-{re.sub(r'[^A-Za-z0-9.]+', '-', url.removeprefix('http://'))}-update"
    assert re.fullmatch(rf"{re.escape(readable)}-[0-9a-f]{{10}}", name)
    # The list of all entities has it, and the change that created it may be one of the second at which following began.
    side = [orjson.loads(line) for line in (folder / f"{name}.side.ndjson").read_bytes().splitlines()]
    assert {(each["item"], each["fetch_error_type"]) for each in side} == {("Q1", "ENTITY_NOT_FOUND")}
    assert (folder / f"{name}.errors.ndjson").exists()
    told = re.search(r"([0-9,]+) +requests to wikis", result.err)
    assert told is not None, result.err
    assert int(told[1].replace(",", "")) == requests
