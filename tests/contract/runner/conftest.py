"""Every stateless job under every runner: one deployment and one wiki for all scenarios of a delivery guarantee."""

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
    """Return each runner."""
    return (
        LocalRunnerUnderTest()
        if request.param == "local"
        else FlinkRunnerUnderTest(request.getfixturevalue("flink_python"))
    )


@pytest.fixture(scope="session", params=JOBS, ids=lambda job: job.name)
def job(request: pytest.FixtureRequest) -> JobCase:
    """Return each job."""
    case: JobCase = request.param
    return case


@pytest.fixture(scope="session", params=GUARANTEES)
def guarantee(request: pytest.FixtureRequest) -> str:
    """Return each delivery guarantee that loses nothing."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def broker(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Yield a broker that a scenario may stop; it needs the same programs as the shared broker."""
    del kafka
    with KafkaBroker(tmp_path_factory.mktemp("contract-kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def wiki() -> Iterator[RestartableWiki]:
    """Yield the wiki of all jobs."""
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
    """Yield one deployment for all scenarios of a runner, a job and a guarantee, because a start takes long.

    At the end it is stopped, and must have written the outputs of all records.
    """
    folder = tmp_path_factory.mktemp(f"{runner.name}-{guarantee}")
    deployment = Deployment(runner=runner, case=job, guarantee=guarantee, broker=broker, wiki=wiki, folder=folder)
    try:
        yield deployment
        if deployment.is_running:  # otherwise a scenario has failed, and its error is reported
            deployment.stop()
        deployment.assert_all_written()
    finally:
        deployment.close()


@pytest.fixture
def well(wiki: RestartableWiki) -> Iterator[None]:
    """Remove the faults of the wiki before and after a scenario."""
    wiki.set_faults()
    yield
    wiki.set_faults()


@pytest.fixture
def running(deployment: Deployment, well: None) -> Deployment:
    """Return the deployment while it runs; a scenario may stop or kill it."""
    del well
    deployment.ensure_running()
    return deployment


@pytest.fixture
def stopped(deployment: Deployment, well: None) -> Deployment:
    """Return the deployment while it does not run, for a scenario that starts it with its own settings."""
    del well
    if deployment.is_running:
        deployment.stop()
    return deployment
