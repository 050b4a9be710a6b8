"""``wikistate replay`` over files, with events that need no wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tell

JOB = "page-content-change"


@pytest.fixture
def errors(tmp_path: Path) -> Path:
    """An error stream of a deletion that failed, a line that is no event, and something else."""
    raw = write_deletions(tmp_path / "changes", 1).read_text().strip()
    made = [_error("ServerError", raw, "2026-01-15T12:00:00Z"), _error("NotJson", "no event", "2026-01-16T12:00:00Z")]
    (file := tmp_path / "errors.ndjson").write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in made) + b"else\n")
    return file


def _error(kind: str, raw: str, dt: str) -> dict[str, object]:
    return {"$schema": "/error/2.1.0", "dt": dt, "error_type": kind, "message": "Failed.", "raw_event": raw}


def test_a_dry_run_shows_kinds_and_counts_and_changes_nothing(tell: Tell, errors: Path, tmp_path: Path) -> None:
    """No output, no position: the files are those that were there."""
    before = sorted(tmp_path.iterdir())
    told = tell("replay", "--from", errors, "--to", JOB, "--sink", tmp_path / "out.ndjson", "--dry-run")
    assert (told.code, told.out) == (0, "")
    rows = [line.split() for line in told.err.splitlines()]
    assert ["1", "ServerError", "to", "be", "done", "again"] in rows
    assert ["1", "-", "no", "error", "event"] in rows
    assert sorted(tmp_path.iterdir()) == before


def test_what_fails_again_is_kept_and_not_read_by_the_same_replay(tell: Tell, errors: Path, tmp_path: Path) -> None:
    """The error stream that is read is also written: it grows by the one that fails again, and no more."""
    words = ("replay", "--from", errors, "--to", JOB, "--sink", tmp_path / "out.ndjson", "--error-sink", errors)
    assert tell(*words).code == 0
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 1
    assert [line.split(b'"error_type":"')[1][:7] for line in errors.read_bytes().splitlines()[3:]] == [b"NotJson"]


def test_types_and_times_choose_and_each_choice_has_its_own_place(tell: Tell, errors: Path, tmp_path: Path) -> None:
    """A replay of one type passes over the others; they are there for the next replay of another choice."""
    out = tmp_path / "out.ndjson"
    to_file = ("replay", "--from", errors, "--to", f"file:{out}")
    for words in (("--type", "ServerError"), ("--since", "2026-01-16T00:00:00Z"), ("--until", "2026-01-16T00:00:00Z")):
        assert tell(*to_file, *words).code == 0
    deletion = (tmp_path / "changes").read_bytes().strip()
    assert out.read_bytes().splitlines() == [deletion, b"no event", deletion]
    told = tell(*to_file, "--type", "ServerError")
    assert "There is no event to replay" in told.err
    assert len(out.read_bytes().splitlines()) == 3


def test_a_limit_leaves_the_rest_for_the_next_replay(tell: Tell, errors: Path, tmp_path: Path) -> None:
    """One at a time, in their order."""
    words = ("replay", "--from", errors, "--to", f"file:{tmp_path / 'out.ndjson'}", "--limit", "1")
    assert tell(*words).code == 0
    assert tell(*words).code == 0
    assert (tmp_path / "out.ndjson").read_bytes().splitlines()[1:] == [b"no event"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "-", "--to", JOB), "reads its error stream twice"),
        (("--from", "errors.ndjson", "--to", "page-content-chang"), "Did you mean page-content-change?"),
        (("--from", "errors.ndjson", "--to", JOB, "--since", "latest"), "--since"),
        (("--from", "errors.ndjson", "--to", "file:a", "--sink", "file:b"), "no effect"),
        (("--from", "errors.ndjson", "--to", "parquet:lake"), "no job reads a Parquet folder"),
    ],
)
def test_what_cannot_be_replayed_is_said_before_anything_is_read(tell: Tell, words: tuple[str, ...], said: str) -> None:
    """Exit code 2 and what to write instead."""
    told = tell("replay", *words)
    assert told.code == 2
    assert said in told.err
