"""``wikistate run`` of each job, with filters, from file to file, over events that need no wiki."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import RunCommand

ENRICH = """
from wikistate.custom import Skip

async def enrich(event, context):
    if event["page"]["page_id"] % 2:
        return Skip("odd")
    return event | {"comment": context.settings["comment"]}
"""


def test_content_history_reconcile_writes_a_separate_stream(run_command: RunCommand, tmp_path: Path) -> None:
    """Deletions pass without enrichment, as in the job page-content-change."""
    source = write_deletions(tmp_path / "in.ndjson")
    result = run_command("run", "content-history-reconcile", "--source", source, "--sink", tmp_path / "out.ndjson")
    assert result.code == 0
    written = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert {event["meta"]["stream"] for event in written} == {"mediawiki.content_history_reconcile_enriched.v1"}
    assert len(written) == 3


def test_custom_job_runs_a_function_of_the_current_folder(
    run_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings of the function come from the configuration, and the summary counts the events that it skips."""
    (tmp_path / "parity.py").write_text(ENRICH)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    source = write_deletions(tmp_path / "in.ndjson", 7)
    result = run_command(
        *("run", "custom", "--enrich", "parity:enrich", "--source", source, "--sink", tmp_path / "out.ndjson"),
        *("--set", "custom.settings.comment=even"),
    )
    assert result.code == 0, result.err
    written = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [(event["page"]["page_id"], event["comment"]) for event in written] == [(n, "even") for n in (2, 4, 6)]
    assert "4    dropped: odd" in result.err


@pytest.mark.parametrize("job", ["page-content-change", "content-history-reconcile"])
def test_filters_apply_to_every_job(run_command: RunCommand, tmp_path: Path, job: str) -> None:
    """The summary counts dropped events by reason, and written events have the selected and the required fields."""
    source = write_deletions(tmp_path / "in.ndjson", 5)
    arguments = ("run", job, "--source", source, "--sink", tmp_path / "out.ndjson")
    result = run_command(*arguments, "--set", "filter.wikis=[dewiki]")
    assert result.code == 0, result.err
    assert (tmp_path / "out.ndjson").read_bytes() == b""
    assert "5    dropped: wiki" in result.err
    result = run_command(*arguments, "--set", "filter.wikis=[enwiki]", "--set", "filter.fields=[page.page_title]")
    written = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [event["page"]["page_title"] for event in written] == [f"Page_{number}" for number in range(1, 6)]
    assert all(event["revision"].keys() == {"rev_id", "rev_dt"} for event in written)
    assert "required_fields_kept" in result.err
