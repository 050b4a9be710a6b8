"""``wikistate run`` from file to file, with events that need no wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import orjson
import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import RunCommand

RUN = ("run", "page-content-change")


def test_run_ends_with_its_source_and_prints_a_summary(run_command: RunCommand, tmp_path: Path) -> None:
    """The exit code is 0. The output file has the events, standard error the figures, and standard output is empty."""
    source = write_deletions(tmp_path / "in.ndjson", 7)
    result = run_command(*RUN, "--source", source, "--sink", tmp_path / "out.ndjson")
    assert (result.code, result.out) == (0, "")
    assert _parse_summary(result.err) >= {("7", "events read"), ("7", "events written"), ("0", "error events")}
    written = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [event["page"]["page_id"] for event in written] == list(range(1, 8))


def test_run_without_a_request_to_wikimedia_does_not_ask_for_a_contact(run_command: RunCommand, tmp_path: Path) -> None:
    """The warning belongs to runs that query a wiki of Wikimedia; deletions need no wiki."""
    result = run_command(*RUN, "--source", write_deletions(tmp_path / "in"), "--sink", tmp_path / "out.ndjson")
    assert (result.code, "contact" in result.err) == (0, False)


def test_error_events_are_written_beside_the_output_by_default(run_command: RunCommand, tmp_path: Path) -> None:
    """A line that is not an event goes with its text to ``out.errors.ndjson``, beside ``out.ndjson``."""
    (source := tmp_path / "in.ndjson").write_bytes(b"\nno event\n" + write_deletions(tmp_path / "a", 1).read_bytes())
    result = run_command(*RUN, "--source", source, "--sink", tmp_path / "out.ndjson")
    assert result.code == 0
    errors = [orjson.loads(line) for line in (tmp_path / "out.errors.ndjson").read_bytes().splitlines()]
    assert [(event["error_type"], event["raw_event"]) for event in errors] == [("NotJson", ""), ("NotJson", "no event")]
    assert ("2", "NotJson") in _parse_summary(result.err)


def test_command_line_overrides_the_files(run_command: RunCommand, tmp_path: Path) -> None:
    """The file names Kafka endpoints, the command line names files, and the run uses files."""
    (config := tmp_path / "job.yaml").write_text(
        "stream_manager:\n"
        "  source: {connector: kafka, options: {bootstrap_servers: 'nowhere:9092'}}\n"
        "  sink: {connector: kafka, options: {bootstrap_servers: 'nowhere:9092'}}\n"
    )
    source = write_deletions(tmp_path / "in.ndjson")
    result = run_command(*RUN, "--config", config, "--source", source, "--sink", tmp_path / "out.ndjson")
    assert result.code == 0
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 3


def test_next_run_resumes_from_the_bookmark(run_command: RunCommand, tmp_path: Path) -> None:
    """The second run reads nothing, because the first run has processed the whole file."""
    source = write_deletions(tmp_path / "in.ndjson")
    bookmark = f"stream_manager.source.options.bookmark={tmp_path / 'bookmark'}"
    arguments = (*RUN, "--source", source, "--sink", tmp_path / "out.ndjson", "--set", bookmark)
    assert [run_command(*arguments).code, run_command(*arguments).code] == [0, 0]
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 3


def test_check_reads_and_writes_nothing(run_command: RunCommand, tmp_path: Path) -> None:
    """The command reports that the connections work; neither the output nor the bookmark exists."""
    source = write_deletions(tmp_path / "in.ndjson")
    bookmark = f"stream_manager.source.options.bookmark={tmp_path / 'bookmark'}"
    result = run_command(*RUN, "--check", "--source", source, "--sink", tmp_path / "out.ndjson", "--set", bookmark)
    assert (result.code, result.out) == (0, "")
    assert "all connections work" in result.err
    assert not (tmp_path / "bookmark").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["in.ndjson"]


@pytest.mark.parametrize("place", ["in.ndjson/out.ndjson", "folder"])
def test_check_finds_an_output_that_cannot_be_created(run_command: RunCommand, tmp_path: Path, place: str) -> None:
    """A file in the place of a folder, and a folder in the place of a file, are exit code 4 for both."""
    (tmp_path / "folder").mkdir()
    source = write_deletions(tmp_path / "in.ndjson")
    arguments = (
        *RUN,
        "--source",
        source,
        "--sink",
        f"file:{tmp_path / place}",
        "--error-sink",
        f"file:{tmp_path / 'e'}",
    )
    checked = run_command(*arguments, "--check")
    assert checked.code == 4
    assert "cannot be opened" in checked.err
    assert not (tmp_path / "e").exists()
    assert run_command(*arguments).code == 4


def test_check_fails_with_the_exit_code_of_the_run(run_command: RunCommand, tmp_path: Path) -> None:
    """A missing source file is exit code 4 for both."""
    arguments = (*RUN, "--source", tmp_path / "none", "--sink", tmp_path / "out.ndjson")
    assert run_command(*arguments, "--check").code == run_command(*arguments).code == 4


def _parse_summary(err: str) -> set[tuple[str, str]]:
    """Return the lines of the summary as pairs of number and label."""
    lines = [line.split(maxsplit=1) for line in err.splitlines() if not line.startswith("{")]
    return {(parts[0], parts[1].strip()) for parts in lines if len(parts) == 2}


def test_parquet_folder_gets_events_and_a_file_beside_it_gets_error_events(
    run_command: RunCommand, tmp_path: Path
) -> None:
    """A second run over the same file adds nothing, because the folder holds the position in the file."""
    (source := tmp_path / "in.ndjson").write_bytes(b"no event\n" + write_deletions(tmp_path / "a", 3).read_bytes())
    arguments = (*RUN, "--source", source, "--sink", f"parquet:{tmp_path / 'lake'}")
    assert [run_command(*arguments).code, run_command(*arguments).code] == [0, 0]
    with duckdb.connect() as database:
        found = database.execute("select page_id from read_parquet(?)", [f"{tmp_path}/lake/**/*.parquet"]).fetchall()
    assert sorted(found) == [(1,), (2,), (3,)]
    (error,) = (tmp_path / "lake.errors.ndjson").read_bytes().splitlines()
    assert orjson.loads(error)["raw_event"] == "no event"


def test_parquet_folder_is_rejected_as_error_sink(run_command: RunCommand, tmp_path: Path) -> None:
    """The exit code is 2, before anything is read."""
    result = run_command(
        *RUN, "--source", write_deletions(tmp_path / "in"), "--error-sink", f"parquet:{tmp_path / 'lake'}"
    )
    assert (result.code, "enriched events only" in result.err) == (2, True)


def test_events_and_error_events_may_share_a_file(run_command: RunCommand, tmp_path: Path) -> None:
    """One writer serves both sinks, so that every line is complete and none is missing."""
    (source := tmp_path / "in.ndjson").write_bytes(b"no event\n" + write_deletions(tmp_path / "a", 2).read_bytes())
    both = tmp_path / "out.ndjson"
    assert run_command(*RUN, "--source", source, "--sink", both, "--error-sink", both).code == 0
    assert sorted(orjson.loads(line)["$schema"] for line in both.read_bytes().splitlines()) == [
        "/error/2.1.0",
        "/mediawiki/page/change/1.7.0",
        "/mediawiki/page/change/1.7.0",
    ]


@pytest.mark.parametrize("limit", ["error_limit.in_a_row=10", "error_limit.share=0.5"])
def test_error_limit_ends_the_run_without_a_commit(run_command: RunCommand, tmp_path: Path, limit: str) -> None:
    """The exit code is 5. The bookmark does not move past the failed events, so the next run reads them again."""
    (source := tmp_path / "in.ndjson").write_bytes(b"no event\n" * 600)
    bookmark = f"stream_manager.source.options.bookmark={tmp_path / 'bookmark'}"
    arguments = (*RUN, "--source", source, "--sink", tmp_path / "out.ndjson", "--set", bookmark)
    result = run_command(*arguments, "--set", limit)
    assert (result.code, "events" in result.err, "the limit is" in result.err) == (5, True, True)
    assert not (tmp_path / "bookmark").exists()
    assert run_command(*arguments).code == 8, "without a limit the run ends with its source, and all of it has failed"
