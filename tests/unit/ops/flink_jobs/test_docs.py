"""The page about jobs on Flink clusters agrees with the commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from wikistate.cli.app import main
from wikistate.cli.exits import Exit
from wikistate.config.flink_environments import FlinkEnvironments
from wikistate.ops.flink_jobs.failures import JobFailure

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "flink-jobs.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = sorted(
    {line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines() if "wikistate flink" in line}
)


def test_page_shows_each_command() -> None:
    """Of both command lines."""
    shown = {word for line in COMMANDS for word in line.split()}
    assert {"deploy", "redeploy", "save", "stop", "recover", "status", "list", "flink-job"} <= shown


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_page_is_understood(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With all of its options."""
    command = re.sub(r"^\w+=\$\((.*)\)$", r"\1", line)
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(command)[1:], "--help"])
    assert ended.value.code == 0, capsys.readouterr().err


def test_file_of_the_page_is_valid() -> None:
    """With unknown keys as errors."""
    (text,) = (block for kind, block in BLOCKS if kind == "yaml" and block.startswith("environments:"))
    assert list(FlinkEnvironments.model_validate(yaml.safe_load(text)).environments) == ["eqiad"]


@pytest.mark.parametrize("failure", JobFailure)
def test_each_kind_of_failure_has_its_exit_code_on_the_page(failure: JobFailure) -> None:
    """In the table of exit codes."""
    assert f"\n| {Exit[failure.name].value} | " in PAGE
