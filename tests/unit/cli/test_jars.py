"""``wikistate flink jars``: the files that a cluster needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.ops.jars import BRIDGE_JAR, CONNECTOR_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tests.unit.cli.conftest import RunCommand


def test_each_jar_is_printed_on_a_separate_line(
    run_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connector comes first. Nothing else is printed, so that a script can read the output."""
    jar = tmp_path / "connector.jar"
    jar.touch()
    monkeypatch.setenv(CONNECTOR_VARIABLE, str(jar))
    assert run_command("flink", "jars") == (0, f"{jar}\n{BRIDGE_JAR}\n", "")


def test_missing_connector_is_exit_code_2(run_command: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable, and the exit code is that of a wrong setting."""
    monkeypatch.setenv(CONNECTOR_VARIABLE, "/no/such.jar")
    result = run_command("flink", "jars")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("wikistate: WIKISTATE_FLINK_CONNECTOR_JAR is '/no/such.jar'")
