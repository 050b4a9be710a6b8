"""Each command that opens a store or state, over a damaged one: a message, a documented exit code, and nothing is changed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.unit.adapters.triplestore.damaged_stores import DAMAGES, build_store, read_contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import CommandResult, RunCommand

BINARY = bytes(range(256)) * 40
UPDATER = ("run", "rdf-updater", "--set", "rdf.hostname=my.wiki", "--set", "rdf.entity_namespaces=[120]")


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store with entities."""
    folder = tmp_path_factory.mktemp("stores") / "store"
    build_store(folder)
    return folder


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each command in an empty folder, with empty input."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.ndjson").touch()


def assert_explained(result: CommandResult, code: int, name: str) -> None:
    """Assert that a command ended with an exit code and a message that names a file."""
    assert result.code == code, result.err
    assert f"wikistate: {name}" in result.err or name in result.err.split("wikistate: ")[-1]
    assert "Traceback" not in result.err + result.out
    assert result.err.strip().count("\n") >= 1, "a hint follows the message"


STORE_COMMANDS = {
    "run rdf-consumer": ("run", "rdf-consumer", "--no-progress", "--source", "file:in.ndjson", "--store", "store"),
    "run rdf-consumer --check": ("run", "rdf-consumer", "--source", "file:in.ndjson", "--store", "store", "--check"),
    "store counts": ("store", "counts", "--store", "store"),
    "store sweep": ("store", "sweep", "--store", "store"),
}


@pytest.mark.parametrize("damage", ["no CURRENT and no log", "truncated MANIFEST", "flipped index of data", "a file"])
@pytest.mark.parametrize("command", STORE_COMMANDS)
def test_damaged_store(command: str, damage: str, intact: Path, tmp_path: Path, run_command: RunCommand) -> None:
    """Before, some of these ended in a traceback, and some deleted what was left of the store."""
    shutil.copytree(intact, tmp_path / "store")
    apply, message, code = DAMAGES[damage]
    apply(tmp_path / "store")
    before = read_contents(tmp_path / "store")
    result = run_command(*STORE_COMMANDS[command])
    assert_explained(result, code, "The store in store")
    assert message in result.err
    assert {name: content for name, content in read_contents(tmp_path / "store").items() if name in before} == before


def run_enrichment(run_command: RunCommand, *more: str) -> CommandResult:
    """Run an enrichment of a file to a file."""
    return run_command("run", "page-content-change", "--source", "file:in.ndjson", *more)


STATE_COMMANDS: dict[str, tuple[str, bytes, int, Callable[[RunCommand], CommandResult]]] = {
    "run rdf-updater": (
        "state/state.sqlite",
        BINARY,
        4,
        lambda run: run(*UPDATER, "--source", "file:in.ndjson", "--sink", "file:out.ndjson", "--state", "state"),
    ),
    "run rdf-updater over an empty state": (
        "state/state.sqlite",
        b"",
        4,
        lambda run: run(*UPDATER, "--source", "file:in.ndjson", "--sink", "file:out.ndjson", "--state", "state"),
    ),
    "rdf-bootstrap": (
        "state/state.sqlite",
        BINARY,
        4,
        lambda run: run("rdf-bootstrap", "list.csv", "--state", "state"),
    ),
    "lag": ("store.freshness", BINARY, 4, lambda run: run("lag", "--store", "store")),
    "lag without a number": ("store.freshness", b"", 4, lambda run: run("lag", "--store", "store")),
    "run with a bookmark": (
        "bookmark",
        b'{"in.ndjson": "5"}',
        4,
        lambda run: run_enrichment(
            run, "--sink", "file:out.ndjson", "--set", "stream_manager.source.options.bookmark=bookmark"
        ),
    ),
    "run to a table": (
        "lake/_wikistate/commit.json",
        b'{"format": 1, "positions": {"g": [["t", "0", 5]]}, "files": {}}',
        4,
        lambda run: run_enrichment(run, "--sink", "parquet:lake"),
    ),
    "run to a table of a newer version": (
        "lake/_wikistate/commit.json",
        b'{"format": 2}',
        4,
        lambda run: run_enrichment(run, "--sink", "parquet:lake"),
    ),
    "replay": (
        "errors.ndjson.replayed",
        BINARY,
        4,
        lambda run: run("replay", "--from", "file:errors.ndjson", "--to", "file:again.ndjson"),
    ),
}
"""Commands with a file, its damaged content, the exit code and the call."""


@pytest.mark.parametrize("command", STATE_COMMANDS)
def test_damaged_state(command: str, tmp_path: Path, run_command: RunCommand) -> None:
    """The message names the file, and the file stays as it is."""
    name, content, code, run = STATE_COMMANDS[command]
    (tmp_path / "errors.ndjson").touch()
    (tmp_path / "list.csv").write_text("Q1,5\n")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert_explained(run(run_command), code, name)
    assert (tmp_path / name).read_bytes() == content


def test_errors_beside_a_private_store_are_private(tmp_path: Path, run_command: RunCommand) -> None:
    """No setting names that file, and it holds the content of the store's entities."""
    (tmp_path / "in.ndjson").write_text("not json\n")
    result = run_command(*STORE_COMMANDS["run rdf-consumer"])
    assert result.code in (0, 8), result.err
    assert (tmp_path / "store.errors.ndjson").read_text().count("NotJson") == 1
    assert (tmp_path / "store.errors.ndjson").stat().st_mode & 0o777 == 0o600


def test_warning_of_an_open_folder_is_not_in_the_output(intact: Path, tmp_path: Path, run_command: RunCommand) -> None:
    """Standard output is for the answer of the command."""
    shutil.copytree(intact, tmp_path / "store")
    (tmp_path / "store").chmod(0o755)
    result = run_command("store", "counts", "--store", "store")
    assert (result.code, result.out.split()) == (0, ["3,000", "Item"])
    assert "store_readable_by_others" in result.err
