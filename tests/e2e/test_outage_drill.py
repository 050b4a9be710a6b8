"""The outage drill: jobs on Flink lose nothing and hold nothing back, whenever their broker goes away."""

from __future__ import annotations

import time
from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from tests.contract.keyed.deployment import KeyedDeployment
from tests.contract.keyed.jobs import JOBS as KEYED_JOBS
from tests.contract.keyed.plays import Play
from tests.contract.keyed.stories import Act, Story
from tests.contract.runner.deployment import Deployment
from tests.contract.runner.flink_rest import FlinkRest
from tests.contract.runner.jobs import JOBS as STATELESS_JOBS
from tests.contract.runner.outputs import assert_in_order
from tests.contract.runner.restartable_wiki import RestartableWiki
from tests.contract.runner.runners import FlinkRunnerUnderTest
from tests.e2e.outage_drill import OPTIONS, Moment, OutageDrill
from tests.support.kafka_proxy import ProxiedBroker

from wikistate.testing.faults import Delay, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from tests.contract.keyed.world import World
    from tests.contract.runner.jobs import Change
    from tests.contract.runner.outputs import Outputs
    from tests.contract.runner.runs import Run
    from tests.support.broker import KafkaBroker

pytestmark = [pytest.mark.flink, pytest.mark.kafka, pytest.mark.fault, pytest.mark.long, pytest.mark.timeout(3000)]

_QUICK = [moment for moment in Moment if moment is not Moment.LONG]
MOMENTS = [*_QUICK, *_QUICK[1:], Moment.LONG] * 2
AGE = 7200  # seconds

_TOLD = Story("three edits", Act(("save 1", "save 2", "save 3"), ("import 1", "diff 2", "diff 3")), Act())


@pytest.fixture
def broker(kafka: KafkaBroker, tmp_path: Path) -> Iterator[ProxiedBroker]:
    """Yield a broker for one drill; it needs the same programs as the shared broker."""
    del kafka
    with ProxiedBroker(
        tmp_path / "kafka", settings={"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000"}
    ) as broker:
        yield broker


class DeployedJob:
    """The parts of `DrilledJob` that belong to a deployment.

    Args:
        deployment: The deployment.
        sinks: See `DrilledJob`.
    """

    def __init__(self, deployment: Deployment | KeyedDeployment, sinks: Sequence[str]) -> None:
        self.sinks = sinks
        self._started = deployment

    @property
    def run(self) -> Run:
        """See `DrilledJob`."""
        return self._started.run

    @property
    def port(self) -> int:
        """See `DrilledJob`."""
        return self._started.port


class StatelessDrill(DeployedJob):
    """The job page-content-change; see `DrilledJob`."""

    def __init__(self, deployment: Deployment, outputs: Outputs) -> None:
        super().__init__(deployment, [deployment.sink, deployment.errors])
        self._deployment, self._wiki, self._outputs = deployment, deployment.wiki, outputs
        self.written: list[Change] = []

    def write(self) -> None:
        """See `DrilledJob`."""
        changes = self._deployment.new_changes(pages=10, numbers=3)
        self._deployment.write(changes)
        self.written += changes

    def find_missing(self) -> Collection[object]:
        """See `DrilledJob`."""
        return set(self.written) - set(self._outputs.changes())

    def hold(self) -> None:
        """See `DrilledJob`."""
        self._wiki.set_faults(Rule(Delay(2.0)))

    def release(self) -> None:
        """See `DrilledJob`."""
        self._wiki.set_faults()


class KeyedDrill(DeployedJob):
    """The job rdf-updater; see `DrilledJob`."""

    def __init__(self, deployment: KeyedDeployment, world: World) -> None:
        super().__init__(deployment, deployment.topics)
        self._deployment, self._world = deployment, world
        self._time = int(time.time()) - AGE
        self.plays: list[Play] = []

    def write(self) -> None:
        """See `DrilledJob`."""
        self._time += 10
        play = Play([_TOLD] * 10, self._world, self._deployment)
        self._deployment.write(play.begin_act(self._time))
        self.plays.append(play)

    def find_missing(self) -> Collection[object]:
        """See `DrilledJob`."""
        return [missing for play in self.plays for missing in play.find_missing()]

    def hold(self) -> None:
        """See `DrilledJob`."""
        self._world.hold()

    def release(self) -> None:
        """See `DrilledJob`."""
        self._world.release()


def plan(broker: ProxiedBroker) -> list[tuple[Moment, Callable[[], None]]]:
    """Return the outages: each moment several times, by a stop and by a crash of the broker."""
    return list(zip(MOMENTS, cycle([broker.kill, broker.stop, broker.kill]), strict=False))


@pytest.fixture(params=["EXACTLY_ONCE", "AT_LEAST_ONCE"])
def guarantee(request: pytest.FixtureRequest) -> str:
    """Return each delivery guarantee."""
    name: str = request.param
    return name


@pytest.fixture
def stateless_job(guarantee: str, broker: ProxiedBroker, flink_python: Path, tmp_path: Path) -> Iterator[Deployment]:
    """Yield page-content-change behind the proxy."""
    with RestartableWiki() as wiki:
        deployment = Deployment(
            runner=FlinkRunnerUnderTest(flink_python),
            case=STATELESS_JOBS[0],
            guarantee=guarantee,
            broker=broker,
            wiki=wiki,
            folder=tmp_path,
            servers=broker.proxied_servers,
        )
        deployment.start(**OPTIONS)
        yield deployment
        deployment.close()


def test_stateless_job_survives_outages_at_each_moment(stateless_job: Deployment, broker: ProxiedBroker) -> None:
    """After each outage a reader of committed records sees all changes; exactly once: each of them once."""
    exactly_once = stateless_job.exactly_once
    with stateless_job.outputs() as outputs:
        job = StatelessDrill(stateless_job, outputs)
        drill = OutageDrill(broker, job, exactly_once=exactly_once)
        drill.run(plan(broker))
        stateless_job.stop()
        assert set(outputs.changes()) == set(job.written)
        assert_in_order(outputs.changes(), repeats=0 if exactly_once else drill.outages)
        assert Counter(outputs.changes()) == Counter(job.written) or not exactly_once


@pytest.mark.parametrize("guarantee", ["EXACTLY_ONCE"], indirect=True)
def test_commit_that_comes_too_late_is_counted_and_holds_nothing_back(
    stateless_job: Deployment, broker: ProxiedBroker
) -> None:
    """The broker has aborted the transaction meanwhile. Its records are lost, and all later ones are written."""
    with stateless_job.outputs() as outputs:
        job = StatelessDrill(stateless_job, outputs)
        drill = OutageDrill(broker, job, exactly_once=True)
        drill.run([])
        written = list(job.written)
        drill.delay_commit()
        lost = set(job.written) - set(written)
        stateless_job.wait_until(lambda: sum(FlinkRest(job.port).metrics("failedCommittables").values()) > 0)
        job.write()
        later = set(job.written) - set(written) - lost
        stateless_job.wait_until(lambda: later <= set(outputs.changes()) and not drill.find_held_back())
        stateless_job.stop()
        assert Counter(set(outputs.changes()) - lost) == Counter(set(job.written) - lost)


@pytest.fixture
def world() -> Iterator[World]:
    """Yield the world of rdf-updater."""
    with KEYED_JOBS[0].world() as world:
        yield world


@pytest.fixture
def keyed_job(
    guarantee: str, broker: ProxiedBroker, world: World, flink_python: Path, tmp_path: Path
) -> Iterator[KeyedDeployment]:
    """Yield rdf-updater behind the proxy."""
    deployment = KeyedDeployment(
        runner=FlinkRunnerUnderTest(flink_python),
        case=KEYED_JOBS[0],
        world=world,
        guarantee=guarantee,
        broker=broker,
        folder=tmp_path,
        servers=broker.proxied_servers,
    )
    deployment.start(**OPTIONS)
    yield deployment
    deployment.close()


def test_keyed_job_survives_outages_at_each_moment(
    keyed_job: KeyedDeployment, world: World, broker: ProxiedBroker
) -> None:
    """After each outage a reader of committed records sees all mutations; exactly once: each of them once."""
    job = KeyedDrill(keyed_job, world)
    OutageDrill(broker, job, exactly_once=keyed_job.exactly_once).run(plan(broker))
    keyed_job.stop()
    assert [play.find_differences() for play in job.plays] == [{}] * len(job.plays)
    assert world.find_wrong_content(keyed_job.outputs()) == {}
