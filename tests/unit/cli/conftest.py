"""Fixture that runs a command in this process and returns exit code, output and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest
import structlog

from wikistate.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class CommandResult(NamedTuple):
    """Result of a command: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


class RunCommand(Protocol):
    """Function that runs a command and returns its result."""

    def __call__(self, *arguments: str | Path) -> CommandResult:
        """Run ``wikistate`` with these arguments."""


@pytest.fixture
def run_command(capsys: pytest.CaptureFixture[str]) -> Iterator[RunCommand]:
    """Yield a function that runs commands; reset the configuration of the logs after the test."""

    def run(*arguments: str | Path) -> CommandResult:
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return CommandResult(int(exit_info.value.code or 0), out, err)

    yield run
    structlog.reset_defaults()
