"""The contenders, and the commands that start them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tests.support.java import java_home
from tests.support.processes import find_free_port

from bench import children
from bench.children import Route
from bench.peers.environments import ROOT, find_flink_python, prepare_python
from bench.throughput import REQUESTS
from wikistate.ops.jars import FLINK_DECLARATION, fetch, read_declaration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bench.peers.route import PeerRoute

    Command = Sequence[str | Path]

PARALLELISM = 2
"""Parallelism, workers or processes of each contender that scales in this way: the number of cores."""

CHECKPOINT_SECONDS = 10

AT_ONCE = 8
"""Concurrent requests of a process in the variants with several. With more, no variant gets faster."""


@dataclass(frozen=True, slots=True)
class Start:
    """Processes of one run.

    Attributes:
        commands: Command of each process.
        environment: Variables beside those of this process.
        before: Command that runs to its end before the others.
        rest_port: Port of the REST API of Flink; None for all other contenders.
    """

    commands: Sequence[Command]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Command = ()
    rest_port: int | None = None


class Contender(NamedTuple):
    """Contender of the comparison.

    Attributes:
        name: Human-readable name.
        many: Whether it gets the large feed. Slow contenders get a part of it.
        start: Function from the route of a run to its processes.
        revisions: Usual number of revisions in a request.
        same_work: Whether it does the same work by the means of its framework. The others do not keep the order, or need
            manual threads: they have no target and are shown for completeness.
    """

    name: str
    many: bool
    start: Callable[[PeerRoute], Start]
    revisions: int = 50
    same_work: bool = True


def wikistate_local(route: PeerRoute) -> Start:
    """Return the job as a user starts it."""
    return Start([_job(route)])


def wikistate_flink(route: PeerRoute) -> Start:
    """Return the same command with the runner `flink`."""
    port = find_free_port()
    settings = [f"flink.{option}" for option in _flink_options(route, port)]
    command: Command = [find_flink_python(), *_job(route, *settings)[1:], "--runner", "flink"]
    return Start([command], _java(), rest_port=port)


def naive_flink(route: PeerRoute) -> Start:
    """Return the job of `bench.peers.naive_flink`."""
    port = find_free_port()
    jars = ";".join(
        file.as_uri() for file in fetch(read_declaration("flink-kafka-connector", declaration=FLINK_DECLARATION))
    )
    command: Command = [
        *_module(find_flink_python(), "naive_flink"),
        *_flink_options(route, port),
        f"pipeline.jars={jars}",
    ]
    return Start([command], {**route.variables(), **_java(), "PYTHONPATH": str(ROOT)}, rest_port=port)


def quix(route: PeerRoute, *, requests: int = 1) -> Start:
    """Return a process for each core, which share the partitions; see `bench.peers.quix_job`."""
    return Start([_module(prepare_python("quix"), "quix_job")] * PARALLELISM, _variables(route, requests))


def faust(route: PeerRoute, *, requests: int = 1) -> Start:
    """Return a worker for each core, which share the partitions; see `bench.peers.faust_job`."""
    command: Command = [
        prepare_python("faust"),
        "-m",
        "faust",
        "-A",
        "bench.peers.faust_job",
        "--loop",
        "uvloop",
        "worker",
    ]
    return Start([[*command, "--without-web", "--loglevel", "warn"]] * PARALLELISM, _variables(route, requests))


def bytewax(route: PeerRoute, *, requests: int = 1) -> Start:
    """Return a process for each core, with the recovery store that at-least-once delivery requires.

    See `bench.peers.bytewax_job`.
    """
    python = prepare_python("bytewax")
    addresses = ";".join(f"127.0.0.1:{find_free_port()}" for _ in range(PARALLELISM))
    recovery = ["--recovery-directory", route.folder, "--snapshot-interval", "10", "--backup-interval", "0"]
    command: Command = [python, "-m", "bytewax.run", "bench.peers.bytewax_job", *recovery, "--addresses", addresses]
    return Start(
        [[*command, "--process-id", str(number)] for number in range(PARALLELISM)],
        _variables(route, requests),
        before=[python, "-m", "bytewax.recovery", route.folder, str(PARALLELISM)],
    )


def bare(route: PeerRoute) -> Start:
    """Return the bare loop, the base of the comparison; see `bench.bare`."""
    loop_route = Route(route.servers, route.source, route.sink, route.api.removesuffix("/w/api.php"))
    return Start(
        [children.bare_loop_command(loop_route, batch=50, requests=REQUESTS, partitions=PARALLELISM, endless=True)]
    )


LOCAL = Contender("wikistate", many=True, start=wikistate_local)
FLINK = Contender("wikistate on Flink", many=True, start=wikistate_flink)
PEERS = (
    Contender("naive PyFlink", many=False, start=naive_flink, revisions=1),
    Contender("Quix Streams", many=True, start=quix),
    Contender("Quix Streams, threads by hand", many=True, start=partial(quix, requests=AT_ONCE), same_work=False),
    Contender("faust-streaming", many=True, start=faust),
    Contender("faust-streaming, order lost", many=True, start=partial(faust, requests=AT_ONCE), same_work=False),
    Contender("Bytewax", many=True, start=bytewax),
    Contender("Bytewax, threads by hand", many=True, start=partial(bytewax, requests=AT_ONCE), same_work=False),
)
BARE = Contender("the bare loop", many=True, start=bare)
CONTENDERS = (BARE, LOCAL, *PEERS, FLINK)


def _job(route: PeerRoute, *settings: str) -> list[str]:
    wiki = route.api.removesuffix("/w/api.php")
    endpoints = children.kafka_endpoints(Route(route.servers, route.source, route.sink, wiki), end="")
    return children.job_command(endpoints, wiki, *settings)


def _flink_options(route: PeerRoute, port: int) -> list[str]:
    return [
        f"parallelism.default={PARALLELISM}",
        f"rest.port={port}",
        "web.checkpoints.history=200",
        f"execution.checkpointing.interval={CHECKPOINT_SECONDS} s",
        f"execution.checkpointing.dir=file://{route.folder}",
    ]


def _variables(route: PeerRoute, requests: int) -> dict[str, str]:
    return route.variables() | {"PEER_REQUESTS": str(requests)}


def _java() -> dict[str, str]:
    return {"JAVA_HOME": str(java_home())}


def _module(python: Path, name: str) -> Command:
    return [python, "-m", f"bench.peers.{name}"]
