"""``wikistate run`` from file to file, with changes that need no wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import orjson
import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tell

RUN = ("run", "page-content-change")


def test_a_run_ends_with_its_source_and_sums_up(tell: Tell, tmp_path: Path) -> None:
    """Exit code 0, the events in the output, nothing on standard output, the figures on standard error."""
    source = write_deletions(tmp_path / "in.ndjson", 7)
    told = tell(*RUN, "--source", source, "--sink", tmp_path / "out.ndjson")
    assert (told.code, told.out) == (0, "")
    assert _figures(told.err) >= {("7", "events read"), ("7", "events written"), ("0", "error events")}
    written = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [event["page"]["page_id"] for event in written] == list(range(1, 8))


def test_errors_go_beside_the_output_unless_told_otherwise(tell: Tell, tmp_path: Path) -> None:
    """``out.ndjson`` has ``out.errors.ndjson`` beside it; what is no event is in there, with its text."""
    (source := tmp_path / "in.ndjson").write_bytes(b"\nno event\n" + write_deletions(tmp_path / "a", 1).read_bytes())
    told = tell(*RUN, "--source", source, "--sink", tmp_path / "out.ndjson")
    assert told.code == 0
    errors = [orjson.loads(line) for line in (tmp_path / "out.errors.ndjson").read_bytes().splitlines()]
    assert [(event["error_type"], event["raw_event"]) for event in errors] == [("NotJson", ""), ("NotJson", "no event")]
    assert ("2", "NotJson") in _figures(told.err)


def test_what_the_command_line_says_wins_over_the_files(tell: Tell, tmp_path: Path) -> None:
    """A file that names Kafka ends runs from file to file when the command line says so."""
    (config := tmp_path / "job.yaml").write_text(
        "stream_manager:\n"
        "  source: {connector: kafka, options: {bootstrap_servers: 'nowhere:9092'}}\n"
        "  sink: {connector: kafka, options: {bootstrap_servers: 'nowhere:9092'}}\n"
    )
    source = write_deletions(tmp_path / "in.ndjson")
    told = tell(*RUN, "--config", config, "--source", source, "--sink", tmp_path / "out.ndjson")
    assert told.code == 0
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 3


def test_a_bookmark_lets_the_next_run_go_on(tell: Tell, tmp_path: Path) -> None:
    """The second run reads nothing, because the first has done everything."""
    source = write_deletions(tmp_path / "in.ndjson")
    bookmark = f"stream_manager.source.options.bookmark={tmp_path / 'bookmark'}"
    words = (*RUN, "--source", source, "--sink", tmp_path / "out.ndjson", "--set", bookmark)
    assert [tell(*words).code, tell(*words).code] == [0, 0]
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 3


def test_check_reads_and_writes_nothing(tell: Tell, tmp_path: Path) -> None:
    """It says that the job can run; the output is empty and the bookmark is not there."""
    source = write_deletions(tmp_path / "in.ndjson")
    bookmark = f"stream_manager.source.options.bookmark={tmp_path / 'bookmark'}"
    told = tell(*RUN, "--check", "--source", source, "--sink", tmp_path / "out.ndjson", "--set", bookmark)
    assert (told.code, told.out) == (0, "")
    assert "the job can run" in told.err
    assert not (tmp_path / "bookmark").exists()
    assert not (tmp_path / "out.ndjson").exists() or (tmp_path / "out.ndjson").read_bytes() == b""


def test_check_says_what_the_run_would_fail_with(tell: Tell, tmp_path: Path) -> None:
    """The same message and the same exit code."""
    words = (*RUN, "--source", tmp_path / "none", "--sink", tmp_path / "out.ndjson")
    assert tell(*words, "--check").code == tell(*words).code == 4


def _figures(err: str) -> set[tuple[str, str]]:
    """The summary: number and what it counts."""
    lines = [line.split(maxsplit=1) for line in err.splitlines() if not line.startswith("{")]
    return {(words[0], words[1].strip()) for words in lines if len(words) == 2}


def test_a_parquet_folder_takes_the_events_and_a_file_beside_it_the_errors(tell: Tell, tmp_path: Path) -> None:
    """A second run over the same file adds nothing, because the folder knows how far the file was read."""
    (source := tmp_path / "in.ndjson").write_bytes(b"no event\n" + write_deletions(tmp_path / "a", 3).read_bytes())
    words = (*RUN, "--source", source, "--sink", f"parquet:{tmp_path / 'lake'}")
    assert [tell(*words).code, tell(*words).code] == [0, 0]
    with duckdb.connect() as database:
        found = database.execute("select page_id from read_parquet(?)", [f"{tmp_path}/lake/**/*.parquet"]).fetchall()
    assert sorted(found) == [(1,), (2,), (3,)]
    (error,) = (tmp_path / "lake.errors.ndjson").read_bytes().splitlines()
    assert orjson.loads(error)["raw_event"] == "no event"


def test_errors_do_not_go_into_a_parquet_folder(tell: Tell, tmp_path: Path) -> None:
    """Said before anything is read."""
    told = tell(*RUN, "--source", write_deletions(tmp_path / "in"), "--error-sink", f"parquet:{tmp_path / 'lake'}")
    assert (told.code, "enriched events only" in told.err) == (2, True)


def test_events_and_errors_may_share_a_file(tell: Tell, tmp_path: Path) -> None:
    """One writer for both: no line is torn, none is missing."""
    (source := tmp_path / "in.ndjson").write_bytes(b"no event\n" + write_deletions(tmp_path / "a", 2).read_bytes())
    both = tmp_path / "out.ndjson"
    assert tell(*RUN, "--source", source, "--sink", both, "--error-sink", both).code == 0
    assert sorted(orjson.loads(line)["$schema"] for line in both.read_bytes().splitlines()) == [
        "/error/2.1.0",
        "/mediawiki/page/change/1.7.0",
        "/mediawiki/page/change/1.7.0",
    ]


@pytest.mark.parametrize("limit", ["error_limit.in_a_row=10", "error_limit.share=0.5"])
def test_a_run_that_fails_too_often_stops_and_commits_nothing_of_it(tell: Tell, tmp_path: Path, limit: str) -> None:
    """Exit code 5 and the reason; the bookmark does not move past what failed, so the next run does it again."""
    (source := tmp_path / "in.ndjson").write_bytes(b"no event\n" * 600)
    bookmark = f"stream_manager.source.options.bookmark={tmp_path / 'bookmark'}"
    words = (*RUN, "--source", source, "--sink", tmp_path / "out.ndjson", "--set", bookmark)
    told = tell(*words, "--set", limit)
    assert (told.code, "events" in told.err, "the limit is" in told.err) == (5, True, True)
    assert not (tmp_path / "bookmark").exists()
    assert tell(*words).code == 0
