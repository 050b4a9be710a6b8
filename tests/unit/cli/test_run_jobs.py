"""``wikistate run`` of each job, and with filters, from file to file, with changes that need no wiki."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tell

ENRICH = """
from wikistate.custom import Skip

async def enrich(event, context):
    if event["page"]["page_id"] % 2:
        return Skip("odd")
    return event | {"comment": context.settings["comment"]}
"""


def test_reconcile_writes_its_own_stream(tell: Tell, tmp_path: Path) -> None:
    """Deletions pass, as they do in the main job."""
    source = write_deletions(tmp_path / "in.ndjson")
    told = tell("run", "content-history-reconcile", "--source", source, "--sink", tmp_path / "out.ndjson")
    assert told.code == 0
    written = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert {event["meta"]["stream"] for event in written} == {"mediawiki.content_history_reconcile_enriched.v1"}
    assert len(written) == 3


def test_a_function_of_the_current_folder_is_run(tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings come from the configuration; what it skips is in the summary."""
    (tmp_path / "parity.py").write_text(ENRICH)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    source = write_deletions(tmp_path / "in.ndjson", 7)
    told = tell(
        *("run", "custom", "--enrich", "parity:enrich", "--source", source, "--sink", tmp_path / "out.ndjson"),
        *("--set", "custom.settings.comment=even"),
    )
    assert told.code == 0, told.err
    written = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [(event["page"]["page_id"], event["comment"]) for event in written] == [(n, "even") for n in (2, 4, 6)]
    assert "4    dropped: odd" in told.err


@pytest.mark.parametrize("job", ["page-content-change", "content-history-reconcile"])
def test_filters_hold_for_every_job(tell: Tell, tmp_path: Path, job: str) -> None:
    """What is dropped is in the summary under its reason, and what is written has the fields that were asked for."""
    source = write_deletions(tmp_path / "in.ndjson", 5)
    words = ("run", job, "--source", source, "--sink", tmp_path / "out.ndjson")
    told = tell(*words, "--set", "filter.wikis=[dewiki]")
    assert told.code == 0, told.err
    assert (tmp_path / "out.ndjson").read_bytes() == b""
    assert "5    dropped: wiki" in told.err
    told = tell(*words, "--set", "filter.wikis=[enwiki]", "--set", "filter.fields=[page.page_title]")
    written = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [event["page"]["page_title"] for event in written] == [f"Page_{number}" for number in range(1, 6)]
    assert all(event["revision"].keys() == {"rev_id", "rev_dt"} for event in written)
    assert "required_fields_kept" in told.err
