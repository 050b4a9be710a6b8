"""The logs of Flink in test reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.flink_logs import LINES, read_important_lines, report_flink_logs

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Deployment:
    """Value of a fixture."""

    flink_logs: Path


def test_warnings_and_errors_are_kept_with_the_end_of_a_log(tmp_path: Path) -> None:
    """Ordinary lines are dropped unless they are the last ones, and many errors do not grow the report."""
    log = tmp_path / "flink.log"
    log.write_text("".join(f"12:00 INFO  step {number}\n" for number in range(500)))
    assert read_important_lines(log).splitlines() == [f"12:00 INFO  step {number}" for number in range(400, 500)]
    log.write_text("12:00 ERROR lost\n" + log.read_text())
    assert read_important_lines(log).splitlines()[:2] == ["12:00 ERROR lost", "12:00 INFO  step 400"]
    log.write_text("12:00 WARN  again\n" * 1000)
    assert len(read_important_lines(log).splitlines()) == LINES


def test_report_has_the_logs_of_each_deployment_once(tmp_path: Path) -> None:
    """Values of other fixtures have none."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "flink.log").write_text("12:00 ERROR lost\n")
    found = list(report_flink_logs([Deployment(tmp_path), Deployment(tmp_path), tmp_path, 1]))
    assert found == [("log/flink.log", "12:00 ERROR lost\n")]
