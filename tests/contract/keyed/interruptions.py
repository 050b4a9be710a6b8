"""Interruptions of a job in the middle of an act; each begins while the wiki holds back its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.contract.keyed.deployment import KeyedDeployment
    from tests.contract.keyed.world import World


def do_nothing(job: KeyedDeployment, world: World) -> None:
    """Do not interrupt the job."""
    del job, world


def stop_wiki(job: KeyedDeployment, world: World) -> None:
    """Stop the wiki, which breaks all connections, and start it again."""
    del job
    world.stop()
    world.start()


def stop_broker(job: KeyedDeployment, world: World) -> None:
    """Stop the broker of source and sinks, and start it again."""
    del world
    job.broker.stop()
    job.broker.start()


def crash(job: KeyedDeployment, world: World) -> None:
    """Kill all processes of the job, and start it again from its last checkpoint, on Flink with two subtasks."""
    job.kill()
    world.release()
    job.start(flink__parallelism__default=2)


def stop_and_resume(job: KeyedDeployment, world: World) -> None:
    """Stop the job, on Flink with a savepoint, and start it again from there with one subtask."""
    world.release()
    job.stop()
    job.start()


INTERRUPTIONS: Mapping[str, Callable[[KeyedDeployment, World], None]] = {
    "no interruption": do_nothing,
    "wiki down": stop_wiki,
    "sink down": stop_broker,
    "crash and rescale": crash,
    "savepoint and rescale": stop_and_resume,
}
"""The interruptions in the order in which a job meets them: it begins with one subtask."""
