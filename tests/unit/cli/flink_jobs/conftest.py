"""Fixtures of the commands for jobs on Flink: a fake cluster, a file of environments, and the command itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
import yaml
from tests.support.fake_flink import FakeFlink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import CommandResult, RunCommand

JOB = "WDQS Streaming Updater"


class ControlJob(Protocol):
    """Function that runs a command of the job WDQS and returns its result."""

    def __call__(self, *words: str | Path, env: str = "eqiad") -> CommandResult:
        """Run ``wikistate flink --env ENV WDQS`` with these words."""


@pytest.fixture
def flink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFlink]:
    """Running fake cluster, and a home of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))  # the program of the fake cluster needs none
    with FakeFlink(tmp_path) as flink:
        yield flink


@pytest.fixture
def environments(flink: FakeFlink, tmp_path: Path) -> Path:
    """File of two environments on local folders; the fake cluster is that of eqiad."""
    (tmp_path / "updater.yaml").write_text("enrich: {contact: a@b.example}\n")
    common = {
        "flink": str(flink.program),
        "poll_interval": 0.01,
        "request_timeout": 0.5,
        "slots_timeout": 0.05,
        "start_failures": 1,
        "start_timeout": 5,
        "keep_savepoints": 2,
    }
    text = {
        "environments": {
            name: {
                **common,
                "rest": url,
                "savepoints": f"file://{tmp_path}/{name}/savepoints",
                "checkpoints": f"file://{tmp_path}/{name}/checkpoints",
            }
            for name, url in (("eqiad", flink.url), ("codfw", "http://127.0.0.1:9"))
        },
        "jobs": {
            JOB: {
                "run": "rdf-updater",
                "aliases": ["WDQS"],
                "configuration": ["updater.yaml"],
                "settings": {"stream_manager": {"source": {"options": {"consumer_group": "wdqs"}}}},
            }
        },
    }
    (path := tmp_path / "flink-environments.yaml").write_text(yaml.safe_dump(text))
    return path


@pytest.fixture
def wikistate(run_command: RunCommand, environments: Path) -> ControlJob:
    """Function that runs a command of the job WDQS in eqiad."""

    def run(*words: str | Path, env: str = "eqiad") -> CommandResult:
        return run_command("flink", "--env", env, "--environments", environments, "WDQS", *words)

    return run


def write_snapshot(folder: Path) -> None:
    """Write the file that makes a snapshot complete."""
    folder.mkdir(parents=True)
    (folder / "_metadata").touch()


def read_files(arguments: list[str]) -> list[str]:
    """Return the configuration files of a submission."""
    return [Path(arguments[place + 1]).read_text() for place, word in enumerate(arguments) if word == "--config"]
