"""Every keyed job under every runner: one broker, and one deployment for all stories and interruptions."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.contract.keyed.deployment import KeyedDeployment
from tests.contract.keyed.jobs import JOBS
from tests.contract.keyed.plays import perform
from tests.contract.runner.runners import FlinkRunnerUnderTest, LocalRunnerUnderTest
from tests.support.broker import KafkaBroker
from tests.support.flink_logs import report_flink_logs
from tests.support.long_form import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.keyed.jobs import KeyedJobCase
    from tests.contract.keyed.plays import Performance
    from tests.contract.keyed.world import World

AGE = 7200
"""Seconds by which the events of all plays are old, so that no clock is behind them."""


def _list_variants() -> Iterator[object]:
    """Yield the runners, each with the guarantees that it has for keyed jobs. Flink has a second one in the long form."""
    yield pytest.param(("local", "AT_LEAST_ONCE"), id="local-AT_LEAST_ONCE")
    for guarantee in ("EXACTLY_ONCE", "AT_LEAST_ONCE")[: 2 if LONG else 1]:
        yield pytest.param(("flink", guarantee), id=f"flink-{guarantee}", marks=pytest.mark.flink)


@pytest.fixture(scope="session", params=_list_variants())
def variant(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return the name of each runner with each delivery guarantee."""
    name, guarantee = request.param
    return name, guarantee


@pytest.fixture(scope="session", params=JOBS, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> KeyedJobCase:
    """Return each job."""
    chosen: KeyedJobCase = request.param
    return chosen


@pytest.fixture(scope="session")
def broker(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Yield a broker that an interruption may stop; it needs the same programs as the shared broker."""
    del kafka
    with KafkaBroker(tmp_path_factory.mktemp("keyed-kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def performance(
    variant: tuple[str, str],
    case: KeyedJobCase,
    broker: KafkaBroker,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Performance]:
    """Yield the performance of all stories under all interruptions; one deployment, because a start takes long."""
    name, guarantee = variant
    runner = (
        LocalRunnerUnderTest() if name == "local" else FlinkRunnerUnderTest(request.getfixturevalue("flink_python"))
    )
    folder = tmp_path_factory.mktemp(f"{name}-{guarantee}")
    with case.world() as world:
        job = KeyedDeployment(runner=runner, case=case, world=world, guarantee=guarantee, broker=broker, folder=folder)
        try:
            yield _perform(case, world, job)
        finally:
            job.close()


def _perform(case: KeyedJobCase, world: World, job: KeyedDeployment) -> Performance:
    try:
        return perform(case.stories, world, job, now=int(time.time()) - AGE)
    except BaseException:
        for title, text in report_flink_logs([job]):  # the report of a test has those of complete fixtures only
            sys.stdout.write(f"--- {title} ---\n{text}")
        raise
