"""``wikistate run rdf-updater`` and ``rdf-bootstrap`` without a wiki: the errors of wrong settings and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import RunCommand

WIKI = ("--set", "rdf.hostname=my.wiki", "--set", "rdf.entity_namespaces=[120]")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "rdf.hostname is missing"),
        (("--set", "rdf.hostname=my.wiki"), "no page would count as an entity"),
        ((*WIKI, "--runner", "flink"), "needs Apache Flink"),
        ((*WIKI, "--sink", "parquet:lake"), "does not write into a Parquet folder"),
        ((*WIKI, "--set", "rdf.subgraphs=bundled:none"), "wdqs-subgraph-definitions-v2"),
        ((*WIKI, "--set", "rdf.subgraphs=none.yaml"), "There are no definitions of subgraphs at none.yaml"),
        ((*WIKI, "--set", "rdf.reconcile=a[b"), "rdf.reconcile"),
        ((*WIKI, "--set", "rdf.concept_base=my.wiki"), "my.wiki"),
        ((*WIKI, "--set", "stream_manager.sink.stream=mediawiki.page_change.v1:1.7.0"), "not a schema of mutations"),
        ((*WIKI, "--set", "stream_manager.sink.options.delivery_guarantee=EXACTLY_ONCE"), "delivers AT_LEAST_ONCE"),
    ],
)
def test_wrong_setting_is_rejected_before_anything_is_read(
    run_command: RunCommand, tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    """The exit code is 2, and the error is a message without a traceback."""
    (tmp_path / "in.ndjson").touch()
    result = run_command(
        "run", "rdf-updater", "--source", f"file:{tmp_path / 'in.ndjson'}", "--state", tmp_path, *arguments
    )
    assert result.code == 2, result.err
    assert expected in result.err
    assert "Traceback" not in result.err


def test_check_opens_all_connections_and_creates_no_state(run_command: RunCommand, tmp_path: Path) -> None:
    """A job that runs at the same time holds the state, and a check must not disturb it."""
    (tmp_path / "in.ndjson").touch()
    endpoints = ("--source", f"file:{tmp_path / 'in.ndjson'}", "--sink", f"file:{tmp_path / 'out.ndjson'}")
    result = run_command("run", "rdf-updater", *endpoints, "--state", tmp_path, *WIKI, "--check")
    assert result.code == 0, result.err
    assert not (tmp_path / "state.sqlite").exists()
    assert not list(tmp_path.glob("out*"))


def test_subgraphs_of_a_split_graph_share_the_output_file(run_command: RunCommand, tmp_path: Path) -> None:
    """A run with the bundled definitions of subgraphs needs no further setting for a file."""
    (tmp_path / "in.ndjson").touch()
    endpoints = ("--source", f"file:{tmp_path / 'in.ndjson'}", "--sink", f"file:{tmp_path / 'out.ndjson'}")
    split = ("--set", "rdf.subgraphs=bundled:wdqs-subgraph-definitions-v2")
    result = run_command("run", "rdf-updater", *endpoints, "--state", tmp_path, *WIKI, *split)
    assert result.code == 0, result.err
    assert "0    events read" in result.err


def test_malformed_entity_list_creates_no_state(run_command: RunCommand, tmp_path: Path) -> None:
    """The error names the line, and the next attempt starts without state."""
    (tmp_path / "list.csv").write_text("Q1,5\nQ2\n")
    result = run_command("rdf-bootstrap", tmp_path / "list.csv", "--state", tmp_path)
    assert result.code == 3
    assert "line 2, is 'Q2'" in result.err
    (tmp_path / "list.csv").write_text("Q1,5\nQ2,7\n")
    result = run_command("rdf-bootstrap", tmp_path / "list.csv", "--state", tmp_path)
    assert (result.code, "holds 2 entities" in result.err) == (0, True)
    result = run_command("rdf-bootstrap", tmp_path / "list.csv", "--state", tmp_path)
    assert result.code == 4
    assert "already holds state" in result.err


def test_bootstrap_on_flink_needs_flink(run_command: RunCommand, tmp_path: Path) -> None:
    """No state is created."""
    (tmp_path / "list.csv").write_text("Q1,5\n")
    result = run_command("rdf-bootstrap", tmp_path / "list.csv", "--runner", "flink", "--state", tmp_path, *WIKI)
    assert result.code == 2, result.err
    assert "needs Apache Flink" in result.err
    assert not (tmp_path / "state.sqlite").exists()
