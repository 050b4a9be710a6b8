"""Output files of a second run: the notice, ``--overwrite``, and the lock against another process."""

from __future__ import annotations

import fcntl
import gzip
from typing import TYPE_CHECKING

import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import RunCommand

RUN = ("run", "page-content-change")


def test_second_run_says_that_it_appends(run_command: RunCommand, tmp_path: Path) -> None:
    """The first run says nothing; the second one names the file, its lines, and the option that replaces it."""
    (source := tmp_path / "in.ndjson").write_bytes(b"no event\n" + write_deletions(tmp_path / "a", 3).read_bytes())
    human = ("--set", "telemetry.log_format=human")
    arguments = (*RUN, "--source", source, "--sink", tmp_path / "out.ndjson", *human)
    assert "already" not in run_command(*arguments).err
    second = run_command(*arguments)
    assert second.code == 0
    assert (
        f"{tmp_path}/out.ndjson has 3 lines already: appending. This run reads {source} from its beginning"
        in second.err
    )
    assert "--overwrite replaces the file" in second.err
    assert f"{tmp_path}/out.errors.ndjson has 1 line already: appending." in second.err
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 6


def test_run_that_resumes_appends_without_a_warning(run_command: RunCommand, tmp_path: Path) -> None:
    """With a bookmark the second run repeats nothing."""
    bookmark = ("--set", f"stream_manager.source.options.bookmark={tmp_path / 'bookmark'}")
    source = write_deletions(tmp_path / "in.ndjson")
    arguments = (*RUN, "--source", source, "--sink", tmp_path / "out.ndjson", *bookmark)
    run_command(*arguments)
    second = run_command(*arguments)
    assert "output_appended" in second.err
    assert "output_repeated" not in second.err


def test_overwrite_replaces_the_output_and_the_errors(run_command: RunCommand, tmp_path: Path) -> None:
    """The files hold the second run only."""
    (source := tmp_path / "in.ndjson").write_bytes(b"no event\n" + write_deletions(tmp_path / "a", 3).read_bytes())
    arguments = (*RUN, "--source", source, "--sink", tmp_path / "out.ndjson.gz", "--overwrite")
    assert run_command(*arguments).code == 0
    second = run_command(*arguments)
    assert (second.code, "already" in second.err) == (0, False)
    assert _count_lines(tmp_path) == (3, 1)
    assert run_command(*arguments[:-1]).code == 0
    assert _count_lines(tmp_path) == (6, 2)


def _count_lines(folder: Path) -> tuple[int, int]:
    """Return the numbers of lines in the output and in the error events."""
    events, errors = (gzip.decompress((folder / f"out{word}.ndjson.gz").read_bytes()) for word in ("", ".errors"))
    return events.count(b"\n"), errors.count(b"\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--source", "in", "--set", "stream_manager.source.options.bookmark=b"), "resumes at a stored position"),
        (("--source", "kafka://127.0.0.1:1/t"), "resumes at a stored position"),
        (("--source", "in", "--error-sink", "kafka://127.0.0.1:1/t"), "replaces files only"),
        (("--source", "in", "--sink", "in"), "is the source and an output"),
        (("--source", "in", "--runner", "flink"), "is for the local runner"),
        (("--source", "in2"), "in2"),
    ],
)
def test_overwrite_that_would_lose_events_is_refused(
    run_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], expected: str
) -> None:
    """The output of the earlier run stays: also when the source does not exist."""
    monkeypatch.chdir(tmp_path)
    write_deletions(tmp_path / "in")
    (tmp_path / "out.ndjson").write_text("{}\n")
    sink = () if "--sink" in arguments else ("--sink", "out.ndjson")
    result = run_command(*RUN, *sink, *arguments, "--overwrite")
    assert result.code == (4 if "in2" in arguments else 2), result.err
    assert expected in result.err
    assert (tmp_path / "out.ndjson").read_text() == "{}\n"
    assert len((tmp_path / "in").read_bytes().splitlines()) == 3


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_file_of_another_process_is_refused_unchanged(
    run_command: RunCommand, tmp_path: Path, overwrite: tuple[str, ...]
) -> None:
    """The exit code is 2, the file stays, and the message says what to do."""
    source = write_deletions(tmp_path / "in.ndjson")
    (out := tmp_path / "out.ndjson").write_text('{}\n{"half')
    with out.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        result = run_command(*RUN, "--source", source, "--sink", out, *overwrite)
    assert result.code == 2
    assert f"Another process writes to {out}." in result.err
    assert "Wait until it ends, or write to another file." in result.err
    assert out.read_text() == '{}\n{"half'
