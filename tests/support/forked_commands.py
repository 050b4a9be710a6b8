"""Commands of wikistate in processes that a loaded process forks: starting one takes no time for imports.

The file is the program of that process, too. A command differs from ``python -m wikistate`` in two points only: the modules
are loaded already, and its memory is not freed object by object at its end.
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
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import wikistate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOT_LOADED = ("wikistate.__main__", "wikistate.testing", "wikistate.demo", "wikistate.runners.flink")
_ORDER_BYTES = 1 << 20


class CommandForker:
    """Process that forks for each command. It ends with this process."""

    def __init__(self) -> None:
        self._orders, inherited = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ORDER_BYTES)
        with inherited:
            number = inherited.fileno()
            self._process = subprocess.Popen([sys.executable, __file__, str(number)], pass_fds=[number])
        atexit.register(self.close)

    def close(self) -> None:
        """End the process. It does not wait for commands that still run."""
        self._orders.close()
        self._process.kill()
        self._process.wait()

    def fork(
        self,
        words: Sequence[str],
        folder: Path,
        streams: Sequence[int],
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        guard: Mapping[str, object] = MappingProxyType({}),
    ) -> int:
        """Start a command, and return the descriptor of a pipe with its process id and its exit code, each a line.

        Args:
            words: Words of the command line.
            folder: Its working directory.
            streams: Descriptors of its standard input, output and error, which this process closes.
            environment: Variables beside those of this process.
            guard: Arguments of `_set_guard`; empty for no limits.
        """
        reports, report_end = os.pipe()
        order = {
            "words": list(words),
            "folder": str(folder),
            "environment": {**os.environ, **environment},
            "guard": dict(guard),
        }
        socket.send_fds(self._orders, [json.dumps(order).encode()], [*streams, report_end])
        for descriptor in (*streams, report_end):
            os.close(descriptor)
        return reports


class OpenPipe(NamedTuple):
    """Reader of a pipe, and its transport."""

    reader: asyncio.StreamReader
    transport: asyncio.BaseTransport


async def open_pipe(descriptor: int) -> OpenPipe:
    """Open the end of a pipe from which this process reads."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "rb", 0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return OpenPipe(reader, transport)


class ForkedProcess:
    """Process of a command, with the part of `asyncio.subprocess.Process` that the tests use.

    Attributes:
        pid: Its process id.
        returncode: Its exit status, ``-N`` for signal N; None while it runs.
    """

    def __init__(self, pid: int, reports: OpenPipe) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._ended = asyncio.ensure_future(self._wait_for_report(reports))
        self._pipes = [reports.transport]

    async def wait(self) -> int:
        """Wait until it has ended, and return its exit status."""
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and its report is on its way
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    @classmethod
    async def watch(cls, descriptor: int) -> Self:
        """Return the process that reports to a pipe; see `CommandForker.fork`."""
        reports = await open_pipe(descriptor)
        return cls(int(await reports.reader.readline()), reports)

    async def connect(self, stdin: int, stdout: int, stderr: int) -> None:
        """Open the pipes to its streams."""
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(stdin, "wb", 0)
        transport, protocol = await loop.connect_write_pipe(lambda: asyncio.streams.FlowControlMixin(loop), pipe)
        self.stdin = asyncio.StreamWriter(transport, protocol, None, loop)
        out, err = await open_pipe(stdout), await open_pipe(stderr)
        self.stdout, self.stderr = out.reader, err.reader
        self._pipes += [transport, out.transport, err.transport]

    async def close(self) -> None:
        """Close its pipes, after its end."""
        await self.wait()
        for transport in self._pipes:
            transport.close()

    async def _wait_for_report(self, reports: OpenPipe) -> int:
        line = await reports.reader.readline()
        if not line:
            raise RuntimeError("The process that forks the commands has ended.")
        self.returncode = int(line)
        return self.returncode


_FORKERS: list[CommandForker] = []


def find_forker() -> CommandForker:
    """Return the one forker of this process."""
    if not _FORKERS:
        _FORKERS.append(CommandForker())
    return _FORKERS[0]


def _read_umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _read_start_conditions() -> tuple[str | None, int]:
    return os.environ.get("PYTHONPATH"), _read_umask()


_START_CONDITIONS = _read_start_conditions()


async def start_wikistate(*words: str | Path, folder: Path | None = None) -> ForkedProcess | asyncio.subprocess.Process:
    """Start a command with pipes to its three streams.

    It is a new interpreter if the test has changed what only the start of one reads: the path of modules, or the umask.
    """
    if _read_start_conditions() == _START_CONDITIONS:
        return await start_forked(*words, folder=folder)
    pipe = subprocess.PIPE
    command = (sys.executable, "-m", "wikistate", *words)
    return await asyncio.create_subprocess_exec(*command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe)


async def start_forked(*words: str | Path, folder: Path | None = None) -> ForkedProcess:
    """Start a command in a fork, with pipes to its three streams."""
    stdin, to_stdin = os.pipe()
    from_stdout, stdout = os.pipe()
    from_stderr, stderr = os.pipe()
    reports = find_forker().fork([*map(str, words)], folder or Path.cwd(), (stdin, stdout, stderr))
    process = await ForkedProcess.watch(reports)
    await process.connect(to_stdin, from_stdout, from_stderr)
    return process


class _ForkServer:
    """Receiver of orders, which forks for each one and reports the end of each child."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._selector = selectors.DefaultSelector()
        self._selector.register(orders, selectors.EVENT_READ)

    def serve(self) -> dict[str, Any] | None:
        """Serve until no orders can come and all children have ended: then None. In each child, return its order."""
        while self._selector.get_map():
            for key, _ in self._selector.select():
                if key.fileobj is not self._orders:
                    self._report_end(key.fd, *key.data)
                    continue
                content, descriptors, *_ = socket.recv_fds(self._orders, _ORDER_BYTES, 4)
                if not content:
                    self._selector.unregister(self._orders)
                elif (process := os.fork()) == 0:
                    return self._leave(json.loads(content), descriptors)
                else:
                    self._watch(process, descriptors)
        return None

    def _leave(self, order: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        """Close what belongs to the server, in a child."""
        for key in [*self._selector.get_map().values()]:
            if key.fileobj is not self._orders:
                os.close(key.fd)
                os.close(key.data[1])
        self._selector.close()
        self._orders.close()
        for number, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, number)
        for descriptor in descriptors:
            os.close(descriptor)
        return order

    def _watch(self, process: int, descriptors: Sequence[int]) -> None:
        *streams, report_end = descriptors
        for descriptor in streams:
            os.close(descriptor)
        os.write(report_end, f"{process}\n".encode())
        self._selector.register(os.pidfd_open(process), selectors.EVENT_READ, (process, report_end))

    def _report_end(self, watched: int, process: int, report_end: int) -> None:
        _, status = os.waitpid(process, 0)
        self._selector.unregister(watched)
        os.close(watched)
        with open(report_end, "wb", 0) as pipe:
            pipe.write(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _load_package() -> None:
    """Import what commands import later, so that each child has it."""
    for module in pkgutil.walk_packages(wikistate.__path__, "wikistate."):
        if not module.name.startswith(_NOT_LOADED):
            importlib.import_module(module.name)


def _set_guard(*, memory: int, connections: str) -> None:
    """Limit the address space, write each connection to a file, and refuse those to other machines.

    Args:
        memory: Bytes.
        connections: Path of the file, one host and port a line.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A command handles it from its start to its end. Then the process still ends, which takes time on a busy machine, and
    # a signal must not replace the exit code.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    listed = os.open(connections, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
            host, port = arguments[1][:2]
            os.write(listed, f"{host}:{port}\n".encode())
            if not ip_address(host).is_loopback:
                raise ConnectionRefusedError("A test connects to this machine only.")

    sys.addaudithook(watch)


def _run_command(order: dict[str, Any]) -> int:
    """Run the command and return its exit code."""
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.path.insert(0, order["folder"])
    sys.argv = [str(Path(wikistate.__path__[0]) / "__main__.py"), *order["words"]]
    if order["guard"]:
        _set_guard(**order["guard"])
    from wikistate.cli.app import main  # noqa: PLC0415

    status = 0
    try:
        main()
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


def _serve_forks(descriptor: int) -> None:
    _load_package()
    gc.collect()
    gc.freeze()  # so that the children share it
    order = _ForkServer(socket.socket(fileno=descriptor)).serve()
    if order is not None:
        os._exit(_run_command(order))


if __name__ == "__main__":
    _serve_forks(int(sys.argv[1]))
