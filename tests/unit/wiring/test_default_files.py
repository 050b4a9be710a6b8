"""Names of the files that rdf-sync writes when no setting names them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.testing.wikibase import FakeWikibase, Item, Repository, make_wikibase_wiki
from wikistate.wiring.endpoints import resolve_endpoints
from wikistate.wiring.wikibase import discover_wikibase

if TYPE_CHECKING:
    import pytest


async def test_files_for_an_endpoint_have_a_readable_name_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names show the wiki and the endpoint, keep their dots, and do not hold a token of the URL."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    repository = Repository(make_wikibase_wiki())
    repository.save(Item(id="Q1", labels={"en": "an item"}))
    async with FakeWikibase(repository) as wikibase:
        assignments = (f"rdf.wikibase={wikibase.url}", "store.location=http://127.0.0.1:9/big data/sparql?token=SECRET")
        flags = CliSettings(assignments=assignments)
        found = (await discover_wikibase(load_configuration("rdf-sync", flags).configuration)).configuration
    endpoints = resolve_endpoints(found, sources=[], sink="s", error="e")
    folder = tmp_path / "wikistate" / "rdf-sync"
    paths = [str(endpoints.sink.for_side_output("s")), str(endpoints.error), found.local.state]
    names = [re.search(r"[^/']+(?=\.(side|errors)\.ndjson|\.state)", path) for path in paths]
    assert {name.group() for name in names if name} == {Path(found.local.state).stem}
    assert re.fullmatch(
        r"[A-Za-z0-9.]+(-[A-Za-z0-9.]+)*-127\.0\.0\.1-9-big-data-sparql-[A-Za-z0-9-]*[0-9a-f]{10}",
        Path(found.local.state).stem,
    )
    assert all(str(folder) in path and "SECRET" not in path for path in paths)
