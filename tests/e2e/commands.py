"""``wikistate`` in a separate process, in the foreground or in the background; see `tests.support.forked_commands`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import orjson
from tests.support.forked_commands import ForkedProcess, start_wikistate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from typing import Any

    from wikistate.core.events.meta import Event

TIMEOUT = 120.0
"""Seconds within which each step must finish: the machine may be busy with other tests."""

JOB = ("run", "page-content-change")
"""The command and its job."""


class CommandResult(NamedTuple):
    """Result of a command that has ended: its exit status (``-N`` for signal N) and its output."""

    status: int
    out: bytes
    err: str


async def run_wikistate(*words: str | Path, stdin: bytes = b"", folder: Path | None = None) -> CommandResult:
    """Run a command to its end."""
    async with start_command(*words, folder=folder) as command:
        return await command.finish(stdin)


class Command:
    """A command that runs in the background."""

    def __init__(self, process: ForkedProcess | asyncio.subprocess.Process) -> None:
        self._process = process
        self._err = bytearray()
        self._out = bytearray()
        self._grown = asyncio.Event()
        assert process.stdout
        assert process.stderr
        self._reading = [
            asyncio.create_task(self._collect(process.stdout, self._out)),
            asyncio.create_task(self._collect(process.stderr, self._err)),
        ]

    @property
    def err(self) -> str:
        """The text on its standard error so far."""
        return self._err.decode()

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    def lines(self) -> list[dict[str, Any]]:
        """Return its log so far: the lines of standard error that are JSON."""
        return [orjson.loads(line) for line in self.err.splitlines() if line.startswith("{") and line.endswith("}")]

    async def wait_until(self, reached: Callable[[Command], bool]) -> None:
        """Return as soon as its output fulfils a condition.

        Raises:
            AssertionError: The command ended before, or the time is over.
        """
        try:
            async with asyncio.timeout(TIMEOUT):
                while not reached(self):
                    assert not all(task.done() for task in self._reading), f"it ended before: {self.err}"
                    self._grown.clear()
                    await self._grown.wait()
        except TimeoutError:
            raise AssertionError(f"after {TIMEOUT} s its output is only: {self.err}") from None

    async def wait_until_ended(self) -> None:
        """Wait until the command has ended."""
        await self._process.wait()

    async def wait_for_log(self, message: str, times: int = 1) -> dict[str, Any]:
        """Wait for a log line and return it, the last one of so many."""

        def found(command: Command) -> list[dict[str, Any]]:
            return [line for line in command.lines() if line.get("message") == message]

        await self.wait_until(lambda command: len(found(command)) >= times)
        return found(self)[times - 1]

    @property
    def out(self) -> bytes:
        """The bytes on its standard output so far."""
        return bytes(self._out)

    async def write(self, stdin: bytes) -> None:
        """Write to its standard input, which stays open."""
        assert self._process.stdin
        self._process.stdin.write(stdin)
        await self._process.stdin.drain()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        self._process.send_signal(number)

    async def stop(self) -> CommandResult:
        """Terminate it and wait for its end."""
        self.send(signal.SIGTERM)
        return await self.finish()

    async def finish(self, stdin: bytes = b"") -> CommandResult:
        """Write to its standard input, close it, and wait until the command has ended."""
        assert self._process.stdin
        async with asyncio.timeout(TIMEOUT):
            self._process.stdin.write(stdin)
            self._process.stdin.close()
            await asyncio.gather(*self._reading)
            status = await self._process.wait()
        return CommandResult(status, bytes(self._out), self.err)

    async def ensure_stopped(self) -> None:
        """Kill the process if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._reading)
        if isinstance(self._process, ForkedProcess):
            await self._process.close()

    async def _collect(self, stream: asyncio.StreamReader, into: bytearray) -> None:
        while piece := await stream.read(65_536):
            into += piece
            self._grown.set()
        self._grown.set()


@asynccontextmanager
async def start_command(*words: str | Path, folder: Path | None = None) -> AsyncIterator[Command]:
    """Start a command in the background; kill it at the end of the block if it has not ended by then."""
    process = await start_wikistate(*words, folder=folder)
    command = Command(process)
    try:
        yield command
    finally:
        await command.ensure_stopped()


def encode_ndjson(events: list[Event]) -> bytes:
    """Encode events as one JSON document for each line."""
    return b"".join(orjson.dumps(event) + b"\n" for event in events)


def decode_ndjson(lines: bytes) -> list[Event]:
    """Decode lines of JSON, the inverse of `encode_ndjson`."""
    return [orjson.loads(line) for line in lines.splitlines()]
