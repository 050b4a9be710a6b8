"""One run of one contender, and its measured values."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from tests.support.processes import Process

from bench.children import count_wiki_requests
from bench.feed import FIRST_REVISION
from bench.peers.checkpoints import Checkpoint, fetch_completed, select_under_load
from bench.peers.environments import ROOT
from bench.peers.outputs import Record, check
from bench.peers.process_samples import sample_processes
from bench.peers.route import PeerRoute
from bench.stage import BODY_BYTES, DEADLINE
from wikistate.demo.wikitext import make_filler
from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.peers.contenders import Contender, Start
    from bench.peers.outputs import OutputCheck
    from bench.peers.process_samples import Sample
    from bench.stage import Stage
    from wikistate.testing.wiki.process import WikiProcess

WARM, COOL = 0.2, 0.8
"""Shares of the outputs between which the run is steady, without start, warm-up and last batches."""

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Run:
    """Run of a contender.

    Attributes:
        rate: Outputs a second at the broker, in the steady part.
        start: Seconds from the start of the first process to the first output.
        resident: Maximum memory of all its processes together, in MiB.
        cpu: Microseconds an event in the steady part, of all its processes.
        requests: Requests to the wiki for each event.
        checkpoints: Seconds of each checkpoint under load, on Flink.
        repeated: Events that were written more than once.
        overtaken: Events that were written after a later edit of their page.
    """

    rate: float
    start: float
    resident: float
    cpu: float
    requests: float
    checkpoints: tuple[float, ...]
    repeated: int
    overtaken: int


class _Observation(NamedTuple):
    """Observation of a run. `began` is in seconds since the epoch."""

    began: float
    samples: list[Sample]
    checkpoints: list[Checkpoint]


async def run_contender(stage: Stage, wiki: WikiProcess, contender: Contender, source: str, *, events: int) -> Run:
    """Start a contender, wait for all its outputs, kill it and check the outputs.

    Args:
        stage: Stage of the measurement.
        wiki: Wiki with the content.
        contender: Contender to run.
        source: Topic with the feed.
        events: Number of events in the feed.

    Raises:
        PartError: The contender ended, took too long, or wrote a wrong output.
    """
    name = f"{contender.name.lower().replace(' ', '-')}-{next(_numbers)}"
    folder, sink = stage.folder / name, stage.topics.create_sink("peer")
    folder.mkdir()
    start = contender.start(PeerRoute(stage.topics.servers, source, sink, f"{wiki.url}/w/api.php", str(folder)))
    await wiki.clear_stats()
    try:
        observed = await _run_and_watch(stage, start, stage.log(name), sink, events=events)
        requests = await count_wiki_requests(wiki) / events
        outputs = await asyncio.to_thread(_check_outputs, stage, sink, events)
    except PartError as error:
        raise PartError(f"{contender.name}: {error.message}", hint=error.hint) from error
    found = _summarize(stage, sink, observed, outputs, requests=requests, events=events)
    stage.topics.delete_all(sink)
    return found


async def _run_and_watch(stage: Stage, start: Start, log: Path, sink: str, *, events: int) -> _Observation:
    environment = {**os.environ, **start.environment}
    if start.before:
        await asyncio.to_thread(subprocess.run, start.before, cwd=ROOT, check=True, env=environment)
    with ExitStack() as stack:
        began, processes = time.time(), list[Process]()
        for command in start.commands:
            processes.append(Process(command, log=log, environment=start.environment, folder=ROOT))
            stack.callback(
                processes[-1].kill
            )  # without a graceful stop: all outputs are written, and each contender stops in another way
        samples = await sample_processes(processes, stage.topics.make_counter(sink), until=events, within=DEADLINE)
        return _Observation(began, samples, fetch_completed(start.rest_port) if start.rest_port else [])


def _check_outputs(stage: Stage, sink: str, events: int) -> OutputCheck:
    return check(
        (Record(message.key() or b"", message.value() or b"") for message in stage.topics.read_records(sink)),
        revisions=range(FIRST_REVISION, FIRST_REVISION + events),
        body=make_filler(BODY_BYTES),
    )


def _summarize(
    stage: Stage, sink: str, observed: _Observation, outputs: OutputCheck, *, requests: float, events: int
) -> Run:
    warm, cool = int(WARM * events), int(COOL * events)
    first, steady, end, last = (stage.topics.appended_at(sink, offset) for offset in (0, warm, cool, events - 1))
    return Run(
        rate=(cool - warm) / (end - steady),
        start=first - observed.began,
        resident=max(sample.resident for sample in observed.samples),
        cpu=_cpu(observed.samples, events),
        requests=requests,
        checkpoints=select_under_load(observed.checkpoints, first=first, last=last),
        repeated=outputs.repeated,
        overtaken=outputs.overtaken,
    )


def _cpu(samples: Sequence[Sample], events: int) -> float:
    """Return the CPU time an event, from the first sample in the steady part to the first sample with all outputs."""
    begin = next(sample for sample in samples if sample.outputs >= WARM * events)
    end = next(sample for sample in samples if sample.outputs >= events)
    return (end.cpu - begin.cpu) / max(1, end.outputs - begin.outputs) * 1e6
