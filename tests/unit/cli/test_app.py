"""``--help``: every command and every option says what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer.main

from wikistate import __version__
from wikistate.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Tell


def _commands(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, (*path, name))


COMMANDS = list(_commands(typer.main.get_command(app)))


def _command(path: tuple[str, ...]) -> object:
    command: object = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]  # a path leads through groups alone
    return command


def test_there_are_the_commands_that_there_must_be() -> None:
    """The list is made by walking, so it must not be empty by mistake."""
    assert {(), ("run",), ("demo",), ("version",), ("config",), ("config", "check")} <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "wikistate")
def test_help_lists_every_option_with_what_it_is_for(tell: Tell, path: tuple[str, ...]) -> None:
    """It ends well, and shows neither a traceback nor the marks of a docstring."""
    told = tell(*path, "--help")
    assert (told.code, told.err) == (0, "")
    assert "Usage: " in told.out
    for text in ("Traceback", "Args:", "Raises:", "``"):
        assert text not in told.out
    for parameter in _command(path).params:  # type: ignore[attr-defined]  # see above
        shown = parameter.opts[0] if parameter.opts[0].startswith("--") else parameter.metavar
        assert shown in told.out
        assert parameter.help, f"{parameter.name} has no help"


def test_the_version_is_that_of_the_package(tell: Tell) -> None:
    """On standard output, alone."""
    assert tell("version") == (0, f"{__version__}\n", "")


def test_no_words_at_all_show_the_help(tell: Tell) -> None:
    """And not an error that must be looked up."""
    told = tell()
    assert "Commands:" in told.out + told.err
