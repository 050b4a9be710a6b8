"""``wikistate flink jars``: what a cluster must be given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.ops.jars import BRIDGE_JAR, CONNECTOR_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tests.unit.cli.conftest import Tell


def test_each_jar_stands_on_a_line_of_its_own(tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connector first; nothing else is said, so that a script can take it."""
    jar = tmp_path / "connector.jar"
    jar.touch()
    monkeypatch.setenv(CONNECTOR_VARIABLE, str(jar))
    assert tell("flink", "jars") == (0, f"{jar}\n{BRIDGE_JAR}\n", "")


def test_a_connector_that_is_not_there_is_a_wrong_setting(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in words, with the exit code for settings."""
    monkeypatch.setenv(CONNECTOR_VARIABLE, "/no/such.jar")
    told = tell("flink", "jars")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("wikistate: WIKISTATE_FLINK_CONNECTOR_JAR is '/no/such.jar'")
