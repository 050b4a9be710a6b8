"""rdf-sync and store verify: their files are private, and damaged ones end the command with the reason, after the wiki answered."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Store
from tests.e2e.commands import run_wikistate, start_command
from tests.e2e.sync_run import endpoint_settings, serve_endpoint
from tests.unit.adapters.triplestore.damaged_stores import DAMAGES, build_store, read_contents

from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BINARY = bytes(range(256)) * 40


@pytest.fixture
async def wikibase() -> AsyncIterator[FakeWikibase]:
    """Return a small wiki."""
    repository = Repository()
    EditSimulator(repository, seed=6, triples=30).create_initial(3)
    async with FakeWikibase(repository) as wikibase:
        yield wikibase


@pytest.mark.parametrize("damage", ["no CURRENT and no log", "truncated MANIFEST", "flipped index of data"])
@pytest.mark.parametrize("command", [("run", "rdf-sync", "--no-progress", "--state", "state"), ("store", "verify")])
async def test_damaged_store(command: tuple[str, ...], damage: str, wikibase: FakeWikibase, tmp_path: Path) -> None:
    """The files of the store are as before."""
    build_store(tmp_path / "store")
    apply, message, code = DAMAGES[damage]
    apply(tmp_path / "store")
    before = read_contents(tmp_path / "store")
    result = await run_wikistate(*command, "--wikibase", wikibase.url, "--store", "store", folder=tmp_path)
    assert result.status == code, result.err
    assert "The store in store" in result.err
    assert message in result.err
    assert "Traceback" not in result.err
    assert {name: content for name, content in read_contents(tmp_path / "store").items() if name in before} == before


@pytest.mark.parametrize("name", ["state.sqlite", "generation", "retries.json", "positions.sqlite"])
async def test_damaged_state(name: str, wikibase: FakeWikibase, tmp_path: Path) -> None:
    """Each file of the state folder is named."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).write_bytes(BINARY)
    words = ("run", "rdf-sync", "--no-progress", "--wikibase", wikibase.url, "--store", "store", "--state", "state")
    result = await run_wikistate(*words, folder=tmp_path)
    assert result.status == 4, result.err
    assert f"state/{name} cannot be" in result.err
    assert "Traceback" not in result.err
    assert (tmp_path / "state" / name).read_bytes() == BINARY


def read_modes(folder: Path) -> dict[str, str]:
    """Return the access of other users to all files and folders below, without the files in the store and its freshness."""
    paths = [path for path in folder.glob("**/*") if path.parent.name != "store" and path.name != "store.freshness"]
    return {str(path.relative_to(folder)): f"{path.stat().st_mode & 0o077:03o}" for path in paths}


@pytest.mark.parametrize("kind", ["folder", "endpoint"])
async def test_files_of_a_sync_are_private(
    kind: str, wikibase: FakeWikibase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Store, state, side outputs and error events: no setting names these files, and they hold content of the wiki."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    async with AsyncExitStack() as stack:
        store: tuple[str, ...] = ("--store", "store")
        if kind == "endpoint":
            store = endpoint_settings(await stack.enter_async_context(serve_endpoint(Store())))
        words = ("run", "rdf-sync", "--no-progress", "--wikibase", wikibase.url, *store)
        command = await stack.enter_async_context(start_command(*words, folder=tmp_path))
        await command.wait_until(lambda running: "store_complete" in running.err)
        modes = read_modes(tmp_path)
        finished = await command.stop()
    assert finished.status == 0, finished.err
    endings = {name.rsplit(".", 1)[-1] for name in modes}
    assert endings >= {"ndjson", "sqlite", "sqlite-wal"}
    assert set(modes.values()) == {"000"}, modes
