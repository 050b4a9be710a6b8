"""``wikistate run rdf-updater`` and ``rdf-bootstrap`` as far as they need no wiki: what they refuse, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tell

WIKI = ("--set", "rdf.hostname=my.wiki", "--set", "rdf.entity_namespaces=[120]")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), "rdf.hostname is missing"),
        (("--set", "rdf.hostname=my.wiki"), "no page would be an entity's"),
        ((*WIKI, "--runner", "flink"), "runs in one process"),
        ((*WIKI, "--sink", "parquet:lake"), "does not write into a Parquet folder"),
        ((*WIKI, "--set", "rdf.subgraphs=bundled:none"), "wdqs-subgraph-definitions-v2"),
        ((*WIKI, "--set", "rdf.subgraphs=none.yaml"), "There are no definitions of subgraphs at none.yaml"),
        ((*WIKI, "--set", "rdf.reconcile=a[b"), "rdf.reconcile"),
        ((*WIKI, "--set", "rdf.concept_base=my.wiki"), "my.wiki"),
        ((*WIKI, "--set", "stream_manager.sink.stream=mediawiki.page_change.v1:1.7.0"), "and no mutations"),
        ((*WIKI, "--set", "stream_manager.sink.options.delivery_guarantee=EXACTLY_ONCE"), "writes at least once"),
    ],
)
def test_what_cannot_be_is_said_with_what_to_do(tell: Tell, tmp_path: Path, words: tuple[str, ...], found: str) -> None:
    """A wrong setting is exit code 2 and no traceback, before anything is read."""
    (tmp_path / "in.ndjson").touch()
    told = tell("run", "rdf-updater", "--source", f"file:{tmp_path / 'in.ndjson'}", "--state", tmp_path, *words)
    assert told.code == 2, told.err
    assert found in told.err
    assert "Traceback" not in told.err


def test_check_opens_everything_and_leaves_no_state(tell: Tell, tmp_path: Path) -> None:
    """A job that runs meanwhile holds the state, and is not disturbed."""
    (tmp_path / "in.ndjson").touch()
    ends = ("--source", f"file:{tmp_path / 'in.ndjson'}", "--sink", f"file:{tmp_path / 'out.ndjson'}")
    told = tell("run", "rdf-updater", *ends, "--state", tmp_path, *WIKI, "--check")
    assert told.code == 0, told.err
    assert not (tmp_path / "state.sqlite").exists()


def test_the_split_graph_has_a_topic_for_each_part(tell: Tell, tmp_path: Path) -> None:
    """By the names of their streams in the sink's format; in a file they share it."""
    (tmp_path / "in.ndjson").touch()
    ends = ("--source", f"file:{tmp_path / 'in.ndjson'}", "--sink", f"file:{tmp_path / 'out.ndjson'}")
    split = ("--set", "rdf.subgraphs=bundled:wdqs-subgraph-definitions-v2")
    told = tell("run", "rdf-updater", *ends, "--state", tmp_path, *WIKI, *split)
    assert told.code == 0, told.err
    assert "0    events read" in told.err


def test_a_list_that_is_none_makes_no_state(tell: Tell, tmp_path: Path) -> None:
    """The line is shown; a second try begins anew."""
    (tmp_path / "list.csv").write_text("Q1,5\nQ2\n")
    told = tell("rdf-bootstrap", tmp_path / "list.csv", "--state", tmp_path)
    assert told.code == 3
    assert "line 2, is 'Q2'" in told.err
    (tmp_path / "list.csv").write_text("Q1,5\nQ2,7\n")
    told = tell("rdf-bootstrap", tmp_path / "list.csv", "--state", tmp_path)
    assert (told.code, "holds 2 entities" in told.err) == (0, True)
    told = tell("rdf-bootstrap", tmp_path / "list.csv", "--state", tmp_path)
    assert told.code == 4
    assert "holds state already" in told.err
