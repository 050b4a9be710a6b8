"""``wikistate replay`` over files, with events that need no wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import RunCommand

JOB = "page-content-change"


@pytest.fixture
def errors(tmp_path: Path) -> Path:
    """Return an error stream: a deletion that failed, a record that is not JSON, and a line that is not an error event."""
    raw = write_deletions(tmp_path / "changes", 1).read_text().strip()
    error_events = [
        _error("ServerError", raw, "2026-01-15T12:00:00Z"),
        _error("NotJson", "no event", "2026-01-16T12:00:00Z"),
    ]
    (file := tmp_path / "errors.ndjson").write_bytes(
        b"".join(orjson.dumps(each) + b"\n" for each in error_events) + b"else\n"
    )
    return file


def _error(kind: str, raw: str, dt: str) -> dict[str, object]:
    return {"$schema": "/error/2.1.0", "dt": dt, "error_type": kind, "message": "Failed.", "raw_event": raw}


def test_dry_run_prints_types_and_counts_and_changes_no_file(
    run_command: RunCommand, errors: Path, tmp_path: Path
) -> None:
    """The run creates neither an output file nor a file of positions."""
    before = sorted(tmp_path.iterdir())
    result = run_command("replay", "--from", errors, "--to", JOB, "--sink", tmp_path / "out.ndjson", "--dry-run")
    assert (result.code, result.out) == (0, "")
    rows = [line.split() for line in result.err.splitlines()]
    assert ["1", "ServerError", "to", "be", "replayed"] in rows
    assert ["1", "-", "not", "an", "error", "event"] in rows
    assert sorted(tmp_path.iterdir()) == before


def test_replay_into_its_own_error_stream_appends_each_new_failure_once(
    run_command: RunCommand, errors: Path, tmp_path: Path
) -> None:
    """The replay reads and writes one error stream; it does not read the error event that it has appended."""
    arguments = ("replay", "--from", errors, "--to", JOB, "--sink", tmp_path / "out.ndjson", "--error-sink", errors)
    assert run_command(*arguments).code == 0
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 1
    assert [line.split(b'"error_type":"')[1][:7] for line in errors.read_bytes().splitlines()[3:]] == [b"NotJson"]


def test_each_selection_by_type_or_time_has_a_separate_position(
    run_command: RunCommand, errors: Path, tmp_path: Path
) -> None:
    """A replay of one type skips the other types, and a later replay with another selection still reads them."""
    out = tmp_path / "out.ndjson"
    to_file = ("replay", "--from", errors, "--to", f"file:{out}")
    for arguments in (
        ("--type", "ServerError"),
        ("--since", "2026-01-16T00:00:00Z"),
        ("--until", "2026-01-16T00:00:00Z"),
    ):
        assert run_command(*to_file, *arguments).code == 0
    deletion = (tmp_path / "changes").read_bytes().strip()
    assert out.read_bytes().splitlines() == [deletion, b"no event", deletion]
    result = run_command(*to_file, "--type", "ServerError")
    assert "There is no event to replay" in result.err
    assert len(out.read_bytes().splitlines()) == 3


def test_next_replay_continues_after_the_limit(run_command: RunCommand, errors: Path, tmp_path: Path) -> None:
    """Two replays with a limit of 1 write the two events in order."""
    arguments = ("replay", "--from", errors, "--to", f"file:{tmp_path / 'out.ndjson'}", "--limit", "1")
    assert run_command(*arguments).code == 0
    assert run_command(*arguments).code == 0
    assert (tmp_path / "out.ndjson").read_bytes().splitlines()[1:] == [b"no event"]


def test_replay_without_a_sink_is_refused_and_marks_nothing(
    run_command: RunCommand, errors: Path, tmp_path: Path
) -> None:
    """The message names the option; a later replay with a sink still finds both events."""
    refused = run_command("replay", "--from", errors, "--to", JOB)
    assert (refused.code, refused.out) == (2, "")
    assert "--sink file:enriched.ndjson" in refused.err
    assert "--dry-run" in refused.err
    assert run_command("replay", "--from", errors, "--to", JOB, "--dry-run").code == 0
    assert run_command("replay", "--from", errors, "--to", JOB, "--sink", tmp_path / "out.ndjson").code == 0
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 1
    assert len((tmp_path / "out.errors.ndjson").read_bytes().splitlines()) == 1


def test_replay_to_standard_output_needs_an_error_sink(run_command: RunCommand, errors: Path, tmp_path: Path) -> None:
    """Without one an event that fails again would be on standard error only, and the next replay would skip it."""
    to_output = ("replay", "--from", errors, "--to", JOB, "--sink", "-")
    refused = run_command(*to_output)
    assert (refused.code, refused.out) == (2, "")
    assert "--error-sink file:failed.ndjson" in refused.err
    assert run_command(*to_output, "--error-sink", tmp_path / "failed.ndjson").code == 0
    assert len((tmp_path / "failed.ndjson").read_bytes().splitlines()) == 1


def test_replay_into_a_full_disk_marks_nothing(run_command: RunCommand, errors: Path, tmp_path: Path) -> None:
    """The events did not arrive, so the next replay reads them again."""
    arguments = ("replay", "--from", errors, "--to", JOB, "--error-sink", tmp_path / "failed.ndjson")
    assert run_command(*arguments, "--sink", "/dev/full").code != 0
    assert run_command(*arguments, "--sink", tmp_path / "out.ndjson").code == 0
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--from", "-", "--to", JOB), "reads its error stream twice"),
        (("--from", "errors.ndjson", "--to", "page-content-chang"), "Did you mean page-content-change?"),
        (("--from", "errors.ndjson", "--to", JOB, "--since", "latest"), "--since"),
        (("--from", "errors.ndjson", "--to", "file:a", "--sink", "file:b"), "no effect"),
        (("--from", "errors.ndjson", "--to", "parquet:lake"), "no job reads this kind of stream"),
    ],
)
def test_impossible_replay_is_rejected_before_anything_is_read(
    run_command: RunCommand, arguments: tuple[str, ...], expected: str
) -> None:
    """The exit code is 2, and the error names the reason or the right argument."""
    result = run_command("replay", *arguments)
    assert result.code == 2
    assert expected in result.err
