"""The measured processes: the job as a user starts it, and the bare loop for comparison."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.support.processes import Process, read_tail

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wikistate.testing.wiki.process import WikiProcess

_POLL_SECONDS = 0.02  # seconds between two checks whether a process has ended
_PYTHON = (sys.executable, "-m")


class Usage(NamedTuple):
    """Resource usage of a process. `cpu` has the seconds of all its threads, in user and system mode."""

    seconds: float
    cpu: float


class Route(NamedTuple):
    """Route of a process: ``host:port`` of the broker, source topic, sink topic, and address of the wiki."""

    servers: str
    source: str
    sink: str
    wiki: str


class Endpoints(NamedTuple):
    """Endpoints in the form of the command line."""

    source: str
    sink: str
    errors: str


def kafka_endpoints(route: Route, *, end: str = "latest") -> Endpoints:
    """Return the endpoints of the job over Kafka, from the beginning of the topic.

    Args:
        route: Route. The error topic is beside the sink, see `Topics.create_sink`.
        end: End in the form of a source address; empty to run until a signal.
    """
    options = f"group={route.sink}&start=earliest" + (f"&end={end}" if end else "")
    sink = f"kafka://{route.servers}/{route.sink}"
    return Endpoints(f"kafka://{route.servers}/{route.source}?{options}", sink, f"{sink}.error")


def wiki_setting(url: str) -> str:
    """Return the setting that sends all requests to one address, as behind a service mesh."""
    return f"enrich.mediawiki_api_endpoint_template={url}/w/api.php"


def job_command(endpoints: Endpoints, wiki: str, *settings: str, name: str = "page-content-change") -> list[str]:
    """Return the command ``wikistate run``, as a user starts it. Settings are ``KEY=VALUE``."""
    command = [*_PYTHON, "wikistate", "run", name, "--no-progress"]
    command += ["--source", endpoints.source, "--sink", endpoints.sink, "--error-sink", endpoints.errors]
    for text in (wiki_setting(wiki), *settings):
        command += ["--set", text]
    return command


def bare_loop_command(
    route: Route, *, batch: int, requests: int, partitions: int = 1, endless: bool = False
) -> list[str]:
    """Return the command of the bare loop over the same endpoints; see `bench.bare`."""
    command = [*_PYTHON, "bench.bare", *route, "--batch", str(batch), "--requests", str(requests)]
    command += ["--partitions", str(partitions)]
    return [*command, "--endless"] if endless else command


async def run_to_end(command: Sequence[str], *, log: Path, within: float) -> Usage:
    """Run a process, wait for its end and return its usage.

    No other child may end during the run: the kernel has only the sum of the CPU time of all children.

    Raises:
        PartError: The process failed, or took longer than `within` seconds; shows the end of its log.
    """
    began, cpu = time.monotonic(), _children_cpu()
    process = Process(command, log=log)
    await asyncio.to_thread(_await_end, process, within)
    ended = time.monotonic()
    if status := process.kill():
        raise PartError(f"{' '.join(command[1:4])} ended with status {status}:\n{read_tail(log)}")
    return Usage(ended - began, _children_cpu() - cpu)


def _await_end(process: Process, within: float) -> None:
    deadline = time.monotonic() + within
    while process.is_running and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def count_wiki_requests(wiki: WikiProcess) -> int:
    """Return the number of requests for revisions since the counts of the wiki were reset."""
    return sum((await wiki.stats())["batches"].values())
