"""``wikistate run``: from flags to a running job, with its signals, its status and its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from wikistate.cli.exits import Exit
from wikistate.cli.flags import load_configuration
from wikistate.cli.runner import Runner
from wikistate.cli.status import Status
from wikistate.jobs.catalogue import StatefulEntry, StoreEntry, any_job_named
from wikistate.jobs.ends import KafkaSourceEnd
from wikistate.jobs.wikis import lacks_contact
from wikistate.runners.allocation import share_one_arena
from wikistate.runners.garbage import rare_collections
from wikistate.runners.local.launch import check_ends, local_runner
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from wikistate.cli.flags import Flags
    from wikistate.config.model import Telemetry
    from wikistate.jobs.ends import SourceEnd

log = structlog.get_logger()
T = TypeVar("T")


class Drivable(Protocol):
    """A runner."""

    async def run(self) -> None:
        """Run to the end."""

    def stop(self) -> None:
        """Read no more, finish what was read, then end."""


def run_job(
    name: str, flags: Flags, *, runner: Runner, create_topics: bool, check: bool, progress: bool | None
) -> Exit:
    """Runs a job by name.

    Args:
        name: Of the job.
        flags: What the command line says.
        runner: What it runs on.
        create_topics: Make missing Kafka topics first.
        check: Only connect to everything.
        progress: Show a live line; None for "at a terminal".

    Raises:
        WikistateError: The job cannot start or cannot go on.
    """
    entry = any_job_named(name)
    loaded = load_configuration(name, flags)
    configuration = loaded.configuration
    configure_logs(configuration.telemetry, job_name=configuration.stream_manager.job_name)
    for warning in loaded.warnings:
        log.warning("There is a setting that is not known.", setting=warning)
    if lacks_contact(configuration):
        log.warning(
            "Wikimedia asks for a contact in the User-Agent and limits clients without one: set enrich.contact."
        )
    meter = RecordingMeter()
    if isinstance(entry, StatefulEntry):
        from wikistate.cli.stateful_jobs import How, run_stateful_job  # noqa: PLC0415  (other jobs need no RDF)

        how = How(runner=runner, create_topics=create_topics, check=check, progress=progress)
        return run_stateful_job(entry, configuration, meter, how)
    if isinstance(entry, StoreEntry):
        from wikistate.cli.store_jobs import run_store_job  # noqa: PLC0415  (other jobs need no RDF)

        return run_store_job(entry, configuration, meter, runner=runner, check=check, progress=progress)
    job, ends = entry.assemble(configuration, meter)
    if create_topics:
        from wikistate.cli.topics import create_missing_topics  # noqa: PLC0415  (its client takes 40 ms to import)

        in_loop(create_missing_topics(ends))
    if check:
        in_loop(check_ends(job, ends, configuration.local))
        return everything_answers()
    if runner is Runner.FLINK:
        from wikistate.cli.flink import run_on_flink  # noqa: PLC0415  (an extra, that the local runner does without)

        return run_on_flink(entry, configuration, ends)
    status = status_of(meter, ends.source, progress=progress)
    with metrics_endpoint(configuration.telemetry, meter):
        share_one_arena()
        runs = local_runner(job, ends, configuration.local, meter, error_limit=configuration.error_limit)
        end = in_loop(drive(runs, status))
    status.summary()
    return end


def everything_answers() -> Exit:
    """What ``--check`` says when nothing is wrong."""
    print("Everything answers: the job can run.", file=sys.stderr)  # noqa: T201  (a command's voice)
    return Exit.OK


def status_of(meter: RecordingMeter, source: SourceEnd, *, progress: bool | None) -> Status:
    """What a person sees of a run; a live line by default at a terminal."""
    bounded = isinstance(source, KafkaSourceEnd) and bool(source.end)
    return Status(meter, total=None, live=sys.stderr.isatty() if progress is None else progress, bounded=bounded)


@contextlib.contextmanager
def metrics_endpoint(telemetry: Telemetry, meter: RecordingMeter) -> Iterator[None]:
    """Serves metrics meanwhile, where a port is set."""
    if telemetry.metrics_port is None:
        yield
        return
    from wikistate.telemetry.prometheus import serve  # noqa: PLC0415  (a run without the endpoint does not pay for it)

    port, end = serve(meter, host=telemetry.metrics_host, port=telemetry.metrics_port)
    log.info("Metrics are served.", url=f"http://{telemetry.metrics_host}:{port}/metrics")
    try:
        yield
    finally:
        end()


async def drive(runner: Drivable, status: Status) -> Exit:
    """Runs to the end, with the live line beside it and the signals wired: the first drains, the second ends at once."""
    run = asyncio.ensure_future(runner.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_or_end(runner, run))
    line = asyncio.ensure_future(status.follow())
    try:
        with rare_collections():
            await run
    except asyncio.CancelledError:
        return Exit.STOPPED_AT_ONCE
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)
    return Exit.OK


def _stop_or_end(runner: Drivable, run: asyncio.Future[None]) -> Callable[[], None]:
    asked = False

    def react() -> None:
        nonlocal asked
        if asked:
            run.cancel()
        else:
            asked = True
            log.info("Stopping: what is in flight is finished and committed. Once more stops at once.")
            runner.stop()

    return react


def in_loop(main: Coroutine[object, object, T]) -> T:
    """Runs a coroutine in a loop of its own, uvloop's where there is one."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:  # not on Windows; asyncio's own loop does the same more slowly
        return asyncio.new_event_loop
    return new_event_loop
