"""Started processes are awaited with a bound, show their log when they fail, and are never left behind."""

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

# A group of two processes that hold a named pipe open: whoever reads it sees its end when both are gone.
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
    """A named pipe."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def _gone(reader: int) -> bool:
    """Block until nobody holds the pipe open; the test's time limit is the bound."""
    os.set_blocking(reader, True)
    return os.read(reader, 1) == b""


def test_a_killed_starter_leaves_no_process_behind(tmp_path: Path, pipe: Path) -> None:
    """Not even SIGKILL, which no one can catch, leaves a process or one of its children running."""
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    words = [sys.executable, "-c", _STARTER, _GROUP, str(pipe), str(tmp_path / "log")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        starter.kill()
    assert _gone(reader)
    os.close(reader)


@pytest.mark.parametrize("end", [Process.stop, Process.kill])
def test_ending_a_process_ends_its_group(tmp_path: Path, pipe: Path, end: object) -> None:
    """`stop` and `kill` reach the children too, and may be called twice."""
    assert callable(end)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    process = Process(["/bin/sh", "-c", _GROUP, "group", pipe], log=tmp_path / "log")
    process.wait_until(lambda: "up" in process.log.read_text(), within=60)
    assert end(process) == end(process) != 0
    assert _gone(reader)
    os.close(reader)
    assert not process.is_running


def test_a_process_that_does_not_heed_sigterm_is_killed(tmp_path: Path) -> None:
    """`stop` is bounded: after `within` seconds it stops asking."""
    process = Process(["/bin/sh", "-c", 'trap "" TERM; echo up; while :; do sleep 1; done'], log=tmp_path / "log")
    process.wait_until(lambda: "up" in process.log.read_text(), within=60)
    assert process.stop(within=0.1) == -signal.SIGKILL


def test_a_process_that_ends_too_early_shows_its_log(tmp_path: Path) -> None:
    """The error holds status and last words, so that nobody has to look for the file."""
    process = Process(["/bin/sh", "-c", "echo no such option; exit 3"], log=tmp_path / "log")
    with pytest.raises(PartError, match=r"(?s)ended with status 3 .*no such option") as caught:
        process.wait_until(lambda: False, within=60)
    assert str(tmp_path / "log") in caught.value.hint


def test_a_process_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    """Waiting is bounded, and what was waited for is not left running."""
    process = Process(["sleep", "600"], log=tmp_path / "log")
    with pytest.raises(PartError, match=r"sleep was not ready within 0\.1 s"):
        process.wait_until(lambda: False, within=0.1)
    assert not process.is_running


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """No bare FileNotFoundError for a program that is not there."""
    with pytest.raises(PartError, match="no-such-program cannot be started: No such file"):
        Process(["no-such-program"], log=tmp_path / "log")


def test_a_log_survives_a_restart(tmp_path: Path) -> None:
    """The second process of a log appends to what the first one said."""
    log = tmp_path / "log"

    def run(word: str) -> None:
        process = Process(["/bin/sh", "-c", f"echo {word}; sleep 600"], log=log)
        process.wait_until(lambda: word in log.read_text(), within=60)
        process.stop()

    run("first")
    run("second")
    assert log.read_text().split() == ["first", "second"]


def test_a_free_port_can_be_taken_and_is_no_outgoing_port() -> None:
    """Below 32,768, where Linux begins to take ports for outgoing connections."""
    port = find_free_port()
    assert 1024 < port < 32_768
    with socket.create_server(("127.0.0.1", port)):
        pass
