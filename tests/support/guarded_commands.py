"""Commands of wikistate in guarded processes: bounded memory, and a list of the addresses that each one connects to.

One process loads the package and forks for each command, so that many commands cost little time. The file is its program,
too.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import importlib
import json
import os
import pkgutil
import resource
import selectors
import signal
import socket
import sys
import threading
import traceback
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import wikistate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

MEMORY = 2 << 30
"""Bytes of address space of a command. A job needs about a third; the rest of it are stacks and pools not in use."""

_NOT_LOADED = ("wikistate.__main__", "wikistate.testing", "wikistate.demo", "wikistate.runners.flink")

CONNECTIONS, OUT, ERR = "connections.txt", "out.txt", "err.txt"
"""Files in the folder of a command: the addresses that it connected to, one a line, and its outputs."""


class EndedCommand(NamedTuple):
    """A command that has ended.

    Attributes:
        status: Exit status; ``-N`` for signal N.
        out: Its standard output.
        err: Its standard error.
        connections: Host and port of each connection.
    """

    status: int
    out: bytes
    err: bytes
    connections: frozenset[str]


@dataclass
class GuardedCommand:
    """A command that runs.

    Attributes:
        number: Its number in this session.
        folder: Its working directory.
        ended: Its exit status, when it has ended.
        process: Its process id, when it has started.
    """

    number: int
    folder: Path
    ended: asyncio.Future[int]
    process: asyncio.Future[int]

    def read_activity(self) -> str:
        """Return a text that differs from the one before if it has computed since; "R" if it is computing now."""
        if not self.process.done() or self.ended.done():
            return "R"
        try:
            stat = (Path("/proc") / str(self.process.result()) / "stat").read_text()
        except OSError:  # it has ended now
            return "R"
        state, *fields = stat.rpartition(") ")[2].split()  # behind the name of the program in parentheses
        return "R" if state == "R" else " ".join(fields[10:12])

    async def send(self, number: signal.Signals) -> None:
        """Send a signal to it, unless it has ended."""
        process = await self.process
        if not self.ended.done():
            os.kill(process, number)

    async def wait(self) -> EndedCommand:
        """Wait until it has ended."""
        status = await asyncio.shield(self.ended)
        listed = self.folder / CONNECTIONS
        return EndedCommand(
            status,
            (self.folder / OUT).read_bytes(),
            (self.folder / ERR).read_bytes(),
            frozenset(listed.read_text().split() if listed.exists() else ()),
        )


class GuardedCommands:
    """Starter of commands. An asynchronous context manager; commands that still run at its end are killed."""

    def __init__(self) -> None:
        self._commands: dict[int, GuardedCommand] = {}

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(sys.executable, __file__, stdin=pipe, stdout=pipe)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        for command in self._commands.values():
            if not command.ended.done():
                await command.send(signal.SIGKILL)
        await asyncio.gather(*(command.ended for command in self._commands.values()))
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    def start(self, *words: str, folder: Path, environment: Mapping[str, str]) -> GuardedCommand:
        """Start a command in a folder, with these variables beside those of this process."""
        loop = asyncio.get_running_loop()
        command = GuardedCommand(len(self._commands), folder, loop.create_future(), loop.create_future())
        self._commands[command.number] = command
        order = {"number": command.number, "words": words, "folder": str(folder), "environment": dict(environment)}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return command

    async def _read(self) -> None:
        assert self._process.stdout
        while line := await self._process.stdout.readline():
            report = json.loads(line)
            command = self._commands[report["number"]]
            if "process" in report:
                command.process.set_result(report["process"])
            else:
                command.ended.set_result(report["status"])
        for command in self._commands.values():
            for waiting in (command.process, command.ended):
                if not waiting.done():
                    waiting.set_exception(RuntimeError("The process that starts the commands has ended."))


@asynccontextmanager
async def guarded_commands() -> AsyncIterator[GuardedCommands]:
    """Start and end a `GuardedCommands`."""
    async with GuardedCommands() as commands:
        yield commands


class _ForkServer:
    """Process that forks for each order of a line of standard input, and reports the end of each child."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._pending = b""

    def serve(self) -> dict[str, Any] | None:
        """Serve until the end of the input: then None. In each child, return its order."""
        self._selector.register(0, selectors.EVENT_READ)
        while self._selector.get_map():
            for key, _ in self._selector.select():
                if key.fd != 0:
                    self._report_end(key.fd, *key.data)
                    continue
                for order in self._read_orders():
                    if (process := os.fork()) == 0:
                        self._selector.close()
                        return order
                    self._report(number=order["number"], process=process)
                    watched = os.pidfd_open(process)
                    self._selector.register(watched, selectors.EVENT_READ, (process, order["number"]))
        return None

    def _read_orders(self) -> list[dict[str, Any]]:
        received = os.read(0, 1 << 20)
        if not received:
            self._selector.unregister(0)
        *lines, self._pending = (self._pending + received).split(b"\n")
        return [json.loads(line) for line in lines]

    def _report_end(self, watched: int, process: int, number: int) -> None:
        _, status = os.waitpid(process, 0)
        self._selector.unregister(watched)
        os.close(watched)
        self._report(number=number, status=os.waitstatus_to_exitcode(status))

    @staticmethod
    def _report(**report: int) -> None:
        os.write(1, json.dumps(report).encode() + b"\n")


def _load_package() -> None:
    """Import what commands import later, so that each child has it."""
    for module in pkgutil.walk_packages(wikistate.__path__, "wikistate."):
        if not module.name.startswith(_NOT_LOADED):
            importlib.import_module(module.name)


def _become(order: dict[str, Any]) -> Sequence[str]:
    """Turn this child into the process of the command, and return the words of its command line."""
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    for descriptor, file in ((0, os.devnull), (1, OUT), (2, ERR)):
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A command handles it from its start to its end. Then the process still ends, which takes time on a busy machine, and
    # a signal must not replace the exit code.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    listed = os.open(CONNECTIONS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
            host, port = arguments[1][:2]
            os.write(listed, f"{host}:{port}\n".encode())
            if not ip_address(host).is_loopback:
                raise ConnectionRefusedError("A test connects to this machine only.")

    sys.addaudithook(watch)
    words: Sequence[str] = order["words"]
    return words


def _serve_forks() -> None:
    _load_package()
    gc.collect()
    gc.freeze()  # so that the children share it
    order = _ForkServer().serve()
    if order is None:
        return
    os._exit(_run_command(order))


def _run_command(order: dict[str, Any]) -> int:
    """Run the command and return its exit code. The rest of a shutdown, which frees memory, takes longer than all of it."""
    from wikistate.cli.app import main  # noqa: PLC0415

    status = 0
    try:
        main(_become(order))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001  (as the interpreter does)
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for other threads, as the interpreter does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return status


if __name__ == "__main__":
    _serve_forks()
