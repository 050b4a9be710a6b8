"""Help of the command line: every command and every option has a description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer.main

from wikistate import __version__
from wikistate.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import RunCommand


def _commands(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, (*path, name))


COMMANDS = list(_commands(typer.main.get_command(app)))


def _command(path: tuple[str, ...]) -> object:
    command: object = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]  # all elements of a path but the last are groups
    return command


def test_listing_of_commands_finds_nested_commands() -> None:
    """The tests of this file run over this list, so it must not be empty by mistake."""
    assert {(), ("run",), ("demo",), ("version",), ("config",), ("config", "check")} <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "wikistate")
def test_help_lists_every_option_with_its_description(run_command: RunCommand, path: tuple[str, ...]) -> None:
    """The exit code is 0, and the help contains neither a traceback nor the markup of a docstring."""
    result = run_command(*path, "--help")
    assert (result.code, result.err) == (0, "")
    assert "Usage: " in result.out
    for text in ("Traceback", "Args:", "Raises:", "``"):
        assert text not in result.out
    for parameter in _command(path).params:  # type: ignore[attr-defined]  # see above
        shown = parameter.opts[0] if parameter.opts[0].startswith("--") else parameter.metavar
        assert shown in result.out
        assert parameter.help, f"{parameter.name} has no help"


def test_version_command_prints_version_of_package(run_command: RunCommand) -> None:
    """Standard output contains the version alone."""
    assert run_command("version") == (0, f"{__version__}\n", "")


def test_command_line_without_arguments_prints_help(run_command: RunCommand) -> None:
    """The help is more useful than an error about a missing command."""
    result = run_command()
    assert "Commands:" in result.out + result.err
