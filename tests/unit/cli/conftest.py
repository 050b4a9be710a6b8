"""The command line in this process: its words in; exit code, output and messages out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest
import structlog

from wikistate.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Told(NamedTuple):
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


class Tell(Protocol):
    """Runs a command to its end."""

    def __call__(self, *words: str | Path) -> Told:
        """Run ``wikistate`` with these words."""


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Iterator[Tell]:
    """Runs commands; the logs go back to what they were at the end."""

    def run(*words: str | Path) -> Told:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Told(int(ended.value.code or 0), out, err)

    yield run
    structlog.reset_defaults()
