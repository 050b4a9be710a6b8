"""Shared parts of the whole suite: the real dependencies, started on first use, and the effect of a skip."""

from __future__ import annotations

import os
import re
import uuid
from typing import TYPE_CHECKING, Protocol, TypeVar

import hypothesis
import pytest
from tests.support.broker import KafkaBroker
from tests.support.dependencies import DEPENDENCIES, FLINK_PYTHON, find_kcat
from tests.support.flink_logs import report_flink_logs
from tests.support.java import remove_java_from_path
from tests.support.kdc import KerberosRealm
from tests.support.kerberos_broker import KerberosKafkaBroker
from tests.support.long_form import LONG
from tests.support.mediawiki import RealMediaWiki
from tests.support.s3_store import S3StoreProcess
from tests.support.stores import BlazegraphServer, FusekiServer, OxigraphServer
from tests.support.yarn import YarnCluster
from xdist.scheduler import LoadScopeScheduling

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

# Shared machines stall for seconds, so the duration of an example proves nothing. The examples are the same each time,
# because a run that fails must fail again; `make faults` draws new ones.
PATIENT = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("steady", PATIENT, derandomize=True)
hypothesis.settings.register_profile("drawn", PATIENT)

hypothesis.settings.load_profile("drawn" if LONG else "steady")

FIXTURE_MARKERS = {
    "kafka": "kafka",
    "kerberos_kafka": "kafka",
    "mediawiki": "mediawiki",
    "flink_python": "flink",
    "fuseki": "stores",
    "blazegraph": "stores",
    "quads": "stores",
    "target": "stores",
}
"""Fixtures of real parts, and the marker of a test that uses one."""

SHARED_PART_FILES = {
    "mediawiki": (
        "contract/wiki/",
        "_real_mediawiki",
        "_recent_changes",
        "e2e/test_reconcile",
        "dependencies/test_mediawiki",
    ),
    "flink cluster": ("e2e/test_flink_cluster", "e2e/test_flink_jobs"),
    "stores": ("contract/triplestore/", "e2e/test_rdf_stores", "e2e/test_rdf_kill"),
}
"""Files with the tests of a real wiki, of a Flink cluster and of real stores. A file that is missing here only starts another instance."""

UNIT_SECONDS = {
    "runner, flink": 600,
    "stores": 500,
    "mediawiki": 300,
    "runner, local": 150,
    "flink cluster": 150,
    "keyed, flink": 120,
    "tests/e2e/test_kill_flink.py": 165,
    "tests/e2e/test_jobs_on_both_runners.py": 120,
    "tests/e2e/test_kill.py": 110,
    "tests/e2e/test_stop.py": 100,
    "tests/contract/connectors/test_source.py": 100,
    "tests/e2e/test_hostile_servers.py": 80,
    "tests/e2e/test_outages.py": 80,
    "tests/e2e/test_rdf_bootstrap_flink.py": 60,
    "tests/e2e/test_rdf_sync_wiki_shapes.py": 80,
    "tests/e2e/test_cli.py": 70,
    "tests/e2e/test_parquet.py": 60,
    "tests/e2e/test_kerberos.py": 45,
    "tests/e2e/test_rdf_sync_kill.py": 50,
    "tests/e2e/test_failure_table.py": 50,
    "tests/e2e/test_store_verify.py": 50,
}
"""Approximate duration of the longest units of work, in seconds: a long unit that begins last leaves a worker idle."""

SECONDS_PER_TEST = 0.3
"""Approximate duration of each test in all other units."""

FAIL_ON_SKIP = os.environ.get("CI") == "true"
"""Whether a skipped test counts as failed: on a machine for tests, all parts must be available."""


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


class TopicFactory(Protocol):
    """Function that creates a new topic for each call."""

    def __call__(self, partitions: int = 1, **settings: str) -> str:
        """Create one and return its name; settings are the topic's, with ``_`` for ``.`` in their names."""


@pytest.fixture(scope="session", autouse=True)
def no_java_of_the_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Environment without the Java of the machine: no job and no test may depend on it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("JAVA_HOME", raising=False)
        environment.setenv("PATH", remove_java_from_path(os.environ["PATH"], tmp_path_factory.mktemp("path")))
        yield


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Running broker, one for the session. A test that kills it starts it again, or makes a separate `KafkaBroker`."""
    _skip_without("java", "kafka-broker")
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def topic(kafka: KafkaBroker, request: pytest.FixtureRequest) -> TopicFactory:
    """Factory of topics named after the test."""

    def create(partitions: int = 1, **settings: str) -> str:
        stem = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:100]
        name = f"{stem}.{uuid.uuid4().hex[:8]}"
        named = {key.replace("_", "."): value for key, value in settings.items()}
        return kafka.create_topic(name, partitions=partitions, settings=named)

    return create


@pytest.fixture(scope="session")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KerberosRealm]:
    """Running Kerberos realm, one for the session."""
    _skip_without("kerberos")
    with KerberosRealm(tmp_path_factory.mktemp("kerberos") / "realm") as realm:
        yield realm


@pytest.fixture(scope="session")
def kerberos_kafka(realm: KerberosRealm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KerberosKafkaBroker]:
    """Running broker with a listener for clients of the realm, one for the session."""
    _skip_without("complete-java", "kafka-broker")
    with KerberosKafkaBroker(tmp_path_factory.mktemp("kerberos-kafka"), realm) as broker:
        yield broker


@pytest.fixture(scope="session")
def yarn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YarnCluster]:
    """Running YARN with HDFS, one for the session."""
    _skip_without("complete-java", "hadoop")
    with YarnCluster(tmp_path_factory.mktemp("yarn")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def mediawiki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealMediaWiki]:
    """Running wiki, one for the session: each test needs page titles of its own."""
    _skip_without("mediawiki")
    with RealMediaWiki(tmp_path_factory.mktemp("mediawiki")) as wiki:
        yield wiki


@pytest.fixture(scope="session")
def oxigraph_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OxigraphServer]:
    """Running endpoint around an embedded store, one for the session: each test clears it first."""
    with OxigraphServer(tmp_path_factory.mktemp("oxigraph")) as store:
        yield store


@pytest.fixture(scope="session")
def fuseki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusekiServer]:
    """Running Fuseki, one for the session: each test clears it first."""
    _skip_without("java", "fuseki")
    with FusekiServer(tmp_path_factory.mktemp("fuseki")) as store:
        yield store


@pytest.fixture(scope="session")
def blazegraph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlazegraphServer]:
    """Running Blazegraph, one for the session: each test clears it first."""
    _skip_without("java", "blazegraph")
    with BlazegraphServer(tmp_path_factory.mktemp("blazegraph")) as store:
        yield store


@pytest.fixture(scope="session")
def s3_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3StoreProcess]:
    """Running S3 store, one for the session: each test creates its buckets."""
    _skip_without("java", "s3-store")
    with S3StoreProcess(tmp_path_factory.mktemp("s3")) as store:
        yield store


@pytest.fixture(scope="session")
def kcat() -> str:
    """Path of `find_kcat`."""
    _skip_without("kcat")
    return find_kcat()


@pytest.fixture(scope="session")
def flink_python() -> Path:
    """Python of the environment that has Flink, whose processes run jobs there. The jars are fetched."""
    _skip_without("flink")
    return FLINK_PYTHON


@pytest.fixture(scope="session")
def long_faults() -> bool:
    """Whether fault tests run in their long form, as they do under `make faults`."""
    return LONG


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that need a real part, so that ``-m "not kafka"`` leaves them out; leave out those that are long."""
    for item in items:
        for fixture, marker in FIXTURE_MARKERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
    if not LONG:
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


class PartScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Unit of work of a worker (`pytest -n`): a file, or the files that share a part that is slow to start."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if (suite := next((name for name in ("runner", "keyed") if f"contract/{name}/" in file), "")) != "":
            return f"{suite}, flink" if "flink" in test else f"{suite}, local"
        return next((part for part, names in SHARED_PART_FILES.items() if any(name in file for name in names)), file)

    def _assign_work_unit(self, node: object) -> None:
        """Assign the longest unit that is left; the queue is in the order of numbers of tests."""
        unit = max(
            self.workqueue, key=lambda name: UNIT_SECONDS.get(name, SECONDS_PER_TEST * len(self.workqueue[name]))
        )
        self.workqueue.move_to_end(unit, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> PartScheduling:
    """Schedule the longest units first."""
    return PartScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one where a skip is not allowed; add the logs of Flink to a failed one."""
    report = _fail_if_skipped((yield))
    if report.failed:
        report.sections.extend(report_flink_logs(getattr(item, "funcargs", {}).values()))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a test file that skips itself as a whole into a failure, too."""
    return _fail_if_skipped((yield))


def _fail_if_skipped(report: Report) -> Report:
    # An expected failure is reported as skipped, too, but is not a skip.
    if FAIL_ON_SKIP and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI=true, and this was skipped: {report.longreprtext or report.longrepr}"
    return report


def _skip_without(*parts: str) -> None:
    """Skip the test if a part is not available. A part that is available and does not start is an error."""
    for part in parts:
        try:
            DEPENDENCIES[part]()
        except PartError as error:
            pytest.skip(f"{part} cannot be had: {error}")
