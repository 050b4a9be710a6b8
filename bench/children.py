"""The processes that are measured: the job as a user starts it, and the bare loop that it is compared with."""

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

_POLL_SECONDS = 0.02  # seconds between two looks whether a process has ended
_PYTHON = (sys.executable, "-m")


class Usage(NamedTuple):
    """What a process took. `cpu` are the seconds of all its threads, in user and system mode."""

    seconds: float
    cpu: float


class Route(NamedTuple):
    """Where a process reads and writes: ``host:port`` of the broker, two topics, the wiki's address."""

    servers: str
    source: str
    sink: str
    wiki: str


class Endpoints(NamedTuple):
    """The same as the command line takes it."""

    source: str
    sink: str
    errors: str


def kafka_endpoints(route: Route, *, end: str = "latest") -> Endpoints:
    """The ends of the job over Kafka, from the topic's beginning.

    Args:
        route: Where. Errors go to the topic beside the sink, see `Topics.create_sink`.
        end: As in the address of a source; empty to go on until told to stop.
    """
    options = f"group={route.sink}&start=earliest" + (f"&end={end}" if end else "")
    sink = f"kafka://{route.servers}/{route.sink}"
    return Endpoints(f"kafka://{route.servers}/{route.source}?{options}", sink, f"{sink}.error")


def wiki_setting(url: str) -> str:
    """The setting that sends all requests to one address, as behind a service mesh."""
    return f"enrich.mediawiki_api_endpoint_template={url}/w/api.php"


def job_command(ends: Endpoints, wiki: str, *settings: str, name: str = "page-content-change") -> list[str]:
    """``wikistate run``, as a user starts it. Settings are ``KEY=VALUE``."""
    words = [*_PYTHON, "wikistate", "run", name, "--no-progress"]
    words += ["--source", ends.source, "--sink", ends.sink, "--error-sink", ends.errors]
    for text in (wiki_setting(wiki), *settings):
        words += ["--set", text]
    return words


def bare_loop_command(
    route: Route, *, batch: int, requests: int, partitions: int = 1, endless: bool = False
) -> list[str]:
    """The bare loop over the same ends; see `bench.bare`."""
    words = [*_PYTHON, "bench.bare", *route, "--batch", str(batch), "--requests", str(requests)]
    words += ["--partitions", str(partitions)]
    return [*words, "--endless"] if endless else words


async def run_to_end(words: Sequence[str], *, log: Path, within: float) -> Usage:
    """Runs a process and waits for its end. No other child may end meanwhile: CPU time is read off the kernel's sum.

    Raises:
        PartError: It failed, or took longer than `within` seconds; shows the end of its log.
    """
    began, cpu = time.monotonic(), _children_cpu()
    process = Process(words, log=log)
    await asyncio.to_thread(_await_end, process, within)
    ended = time.monotonic()
    if status := process.kill():
        raise PartError(f"{' '.join(words[1:4])} ended with status {status}:\n{read_tail(log)}")
    return Usage(ended - began, _children_cpu() - cpu)


def _await_end(process: Process, within: float) -> None:
    give_up = time.monotonic() + within
    while process.is_running and time.monotonic() < give_up:
        time.sleep(_POLL_SECONDS)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def count_wiki_requests(wiki: WikiProcess) -> int:
    """How many requests for revisions it answered since its counts were cleared."""
    return sum((await wiki.stats())["batches"].values())
