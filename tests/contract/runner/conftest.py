"""Every job under every runner: one deployment for all scenarios that share a guarantee, and the wiki that they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.runner.deployment import Deployment
from tests.contract.runner.jobs import JOBS
from tests.contract.runner.restartable_wiki import RestartableWiki
from tests.contract.runner.runners import FlinkRunnerUnderTest, LocalRunnerUnderTest
from tests.support.broker import KafkaBroker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.runner.jobs import JobCase
    from tests.contract.runner.runners import RunnerUnderTest

GUARANTEES = ["AT_LEAST_ONCE", "EXACTLY_ONCE"]


@pytest.fixture(scope="session", params=["local", pytest.param("flink", marks=pytest.mark.flink)])
def runner(request: pytest.FixtureRequest) -> RunnerUnderTest:
    """Each runner."""
    return (
        LocalRunnerUnderTest()
        if request.param == "local"
        else FlinkRunnerUnderTest(request.getfixturevalue("flink_python"))
    )


@pytest.fixture(scope="session", params=JOBS, ids=lambda job: job.name)
def job(request: pytest.FixtureRequest) -> JobCase:
    """Each job."""
    case: JobCase = request.param
    return case


@pytest.fixture(scope="session", params=GUARANTEES)
def guarantee(request: pytest.FixtureRequest) -> str:
    """Each delivery guarantee that loses nothing."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def broker(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker that a scenario may stop; where the shared one can be had, so can this."""
    del kafka
    with KafkaBroker(tmp_path_factory.mktemp("contract-kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def wiki() -> Iterator[RestartableWiki]:
    """The wiki that all jobs ask."""
    with RestartableWiki() as wiki:
        yield wiki


@pytest.fixture(scope="session")
def deployment(
    runner: RunnerUnderTest,
    job: JobCase,
    guarantee: str,
    broker: KafkaBroker,
    wiki: RestartableWiki,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """One for all scenarios of a runner, a job and a guarantee, because a start is what takes the time.

    At the end it is stopped, and must have written all that it was ever given.
    """
    folder = tmp_path_factory.mktemp(f"{runner.name}-{guarantee}")
    deployment = Deployment(runner=runner, case=job, guarantee=guarantee, broker=broker, wiki=wiki, folder=folder)
    try:
        yield deployment
        if deployment.is_running:  # else a scenario has failed, and says why
            deployment.stop()
        deployment.assert_all_written()
    finally:
        deployment.close()


@pytest.fixture
def well(wiki: RestartableWiki) -> Iterator[None]:
    """The wiki is well, whatever the scenario before this one did to it."""
    wiki.set_faults()
    yield
    wiki.set_faults()


@pytest.fixture
def running(deployment: Deployment, well: None) -> Deployment:
    """The deployment, which runs; a scenario may do what it likes to it."""
    del well
    deployment.ensure_running()
    return deployment


@pytest.fixture
def stopped(deployment: Deployment, well: None) -> Deployment:
    """The deployment, which does not run, for a scenario that starts it with settings of its own."""
    del well
    if deployment.is_running:
        deployment.stop()
    return deployment
