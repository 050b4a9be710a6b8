"""Started processes have a bounded wait and show their log when they fail, and none of them survives its test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.processes import Process, find_free_port

from wikistate.errors import PartError

if TYPE_CHECKING:
    from pathlib import Path

# A group of two processes that hold a named pipe open: a reader sees its end when both have ended.
_GROUP = 'exec 3>"$1"; echo up; sleep 600 & sleep 600'

_STARTER = """
import pathlib, sys, time
from tests.support.processes import Process
process = Process(["/bin/sh", "-c", sys.argv[1], "group", sys.argv[2]], log=pathlib.Path(sys.argv[3]))
process.wait_until(lambda: "up" in process.log.read_text(), within=60)
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Named pipe."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def _has_ended(reader: int) -> bool:
    """Block until no process holds the pipe open; the timeout of the test is the bound."""
    os.set_blocking(reader, True)
    return os.read(reader, 1) == b""


def test_killed_starter_leaves_no_process_behind(tmp_path: Path, pipe: Path) -> None:
    """SIGKILL, which cannot be caught, also ends the process and its children."""
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    words = [sys.executable, "-c", _STARTER, _GROUP, str(pipe), str(tmp_path / "log")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        starter.kill()
    assert _has_ended(reader)
    os.close(reader)


@pytest.mark.parametrize("end", [Process.stop, Process.kill])
def test_end_of_a_process_is_the_end_of_its_group(tmp_path: Path, pipe: Path, end: object) -> None:
    """`stop` and `kill` reach the children too, and may be called twice."""
    assert callable(end)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    process = Process(["/bin/sh", "-c", _GROUP, "group", pipe], log=tmp_path / "log")
    process.wait_until(lambda: "up" in process.log.read_text(), within=60)
    assert end(process) == end(process) != 0
    assert _has_ended(reader)
    os.close(reader)
    assert not process.is_running


def test_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """`stop` is bounded: after `within` seconds it kills."""
    process = Process(["/bin/sh", "-c", 'trap "" TERM; echo up; while :; do sleep 1; done'], log=tmp_path / "log")
    process.wait_until(lambda: "up" in process.log.read_text(), within=60)
    assert process.stop(within=0.1) == -signal.SIGKILL


def test_process_that_ends_too_early_shows_its_log(tmp_path: Path) -> None:
    """The error has the exit status and the end of the log, so that a reader need not look for the file."""
    process = Process(["/bin/sh", "-c", "echo no such option; exit 3"], log=tmp_path / "log")
    with pytest.raises(PartError, match=r"(?s)ended with status 3 .*no such option") as caught:
        process.wait_until(lambda: False, within=60)
    assert str(tmp_path / "log") in caught.value.hint


def test_process_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    """The wait is bounded, and afterwards the process does not run any more."""
    process = Process(["sleep", "600"], log=tmp_path / "log")
    with pytest.raises(PartError, match=r"sleep was not ready within 0\.1 s"):
        process.wait_until(lambda: False, within=0.1)
    assert not process.is_running


def test_missing_program_is_named(tmp_path: Path) -> None:
    """A missing program is not a bare FileNotFoundError."""
    with pytest.raises(PartError, match="no-such-program cannot be started: No such file"):
        Process(["no-such-program"], log=tmp_path / "log")


def test_log_survives_a_restart(tmp_path: Path) -> None:
    """The second process of a log appends to the output of the first one."""
    log = tmp_path / "log"

    def run(word: str) -> None:
        process = Process(["/bin/sh", "-c", f"echo {word}; sleep 600"], log=log)
        process.wait_until(lambda: word in log.read_text(), within=60)
        process.stop()

    run("first")
    run("second")
    assert log.read_text().split() == ["first", "second"]


def test_free_port_is_usable_and_not_an_ephemeral_port() -> None:
    """It is below 32,768, the first port that Linux uses for outgoing connections."""
    port = find_free_port()
    assert 1024 < port < 32_768
    with socket.create_server(("127.0.0.1", port)):
        pass
