"""rdf-bootstrap on Flink: the updater starts from its savepoint, and knows each revision of the lists."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it exports them without `__all__`
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)
from tests.contract.runner.runs import Run
from tests.e2e.enrichment_job import assert_valid, setting_arguments
from tests.e2e.kafka_topics import read_all
from tests.e2e.rdf_wiki import (
    current_revisions,
    entity_of,
    follow_settings,
    graphs_of,
    graphs_of_wiki,
    mutations,
)
from tests.e2e.test_rdf_updater_flink import FlinkUpdater, find_differing
from tests.support.long_form import LONG

from wikistate.core.updater.mutation import OperationName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import TopicFactory
    from tests.e2e.rdf_updater_job import Event
    from tests.e2e.rdf_wiki import Graphs
    from tests.support.broker import KafkaBroker

    from wikistate.testing.wikibase import WikibaseProcess

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1800)]
OTHERS = 1_000_000 if LONG else 5_000
"""Entities of the list beside those that the wiki has."""

FIRST_OTHER = 10_000_000
TIMEOUT = 600.0
EDITS = 40
LONG_AGO = "2020-01-01T00:00:00Z"
SMALL, ENOUGH = 600, 1_000_000
"""Limits of a topic: below the size of any message, and above that of all."""


class BootstrappedUpdater(FlinkUpdater):
    """The job on an embedded cluster, and the bootstrap of its state."""

    @property
    def _bootstrap(self) -> list[str]:
        words = [word for word in self.arguments() if word != "--create-topics"]
        lists = [str(self.folder / name) for name in ("wiki.csv", "others.csv")]
        command = ["-m", "wikistate", "rdf-bootstrap", *lists, "--runner", "flink"]
        return [str(self._python), *command, *words, *setting_arguments(**self.options)]

    @property
    def _environment(self) -> dict[str, str]:
        return {"XDG_STATE_HOME": str(self.folder / "state")}

    def write_lists(self, revisions: Mapping[str, int]) -> None:
        """Write the lists of a store that holds these entities, and many others."""
        rows = [f"{entity},{revision}\n" for entity, revision in revisions.items()]
        (self.folder / "wiki.csv").write_text("".join(rows))
        with (self.folder / "others.csv").open("w") as file:
            file.writelines(f"Q{FIRST_OTHER + number},{number}\n" for number in range(OTHERS, 0, -1))

    def kill_bootstrap(self) -> None:
        """Start the bootstrap, and kill it with all of its processes while Flink loads the state."""
        log = self.folder / "killed.log"
        run = Run(self._bootstrap, log=log, environment=self._environment)
        run.wait_until(lambda: "flink_bootstrap_prepared" in log.read_text())
        run.kill()

    def bootstrap(self) -> subprocess.CompletedProcess[str]:
        """Run the bootstrap to its end."""
        return subprocess.run(
            self._bootstrap,
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def limit_messages(self, size: int) -> None:
        """Set the largest message of the mutation stream."""
        change = AlterConfigOpType.SET
        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=change)
        topic = f"{self.prefix}rdf-streaming-updater.mutation.v2"
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap_servers})
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(TIMEOUT)

    @property
    def lapsed(self) -> list[Event]:
        """The late events that were reported."""
        topic = f"{self.prefix}rdf-streaming-updater.lapsed-action"
        return [orjson.loads(message.value) for message in read_all(self.broker, topic)]


@pytest.fixture
def job(
    kafka: KafkaBroker, topic: TopicFactory, wikibase: WikibaseProcess, tmp_path: Path, flink_python: Path
) -> Iterator[BootstrappedUpdater]:
    """The job over Kafka."""
    job = BootstrappedUpdater(kafka, topic(), tmp_path, follow_settings(wikibase), flink_python)
    yield job
    job.ensure_stopped()


async def test_job_starts_from_the_savepoint_of_a_bootstrap(
    job: BootstrappedUpdater, wikibase: WikibaseProcess
) -> None:
    """An edit is a diff, an unknown entity is an import, a late event is reported; a bootstrap may be killed before."""
    journal = await wikibase.journal()
    held, loaded = current_revisions(journal), await graphs_of_wiki(wikibase)
    events = await wikibase.edit(EDITS)
    unknown = next(entity_of(each) for each in events if each["page_change_kind"] == "edit" and entity_of(each) in held)
    del held[unknown], loaded[unknown]
    job.write_lists(held)
    job.kill_bootstrap()

    done = job.bootstrap()
    assert done.returncode == 0, done.stderr
    (savepoint,) = done.stdout.splitlines()
    assert f"holds {OTHERS + len(held):,} entities" in done.stderr

    job.append_events(events)
    wanted = await graphs_of_wiki(wikibase)
    job.launch()
    job.run.wait_until(lambda: find_differing(graphs_of(job.published, loaded), wanted) <= job.failed)
    assert f'"resumed_from":"{Path(urlsplit(savepoint).path).as_uri()}"' in (job.folder / "job.log").read_text()
    assert_valid(job.published)
    first = {each.entity: each.operation for each in reversed(list(mutations(job.published)))}
    assert first[unknown] == OperationName.IMPORT
    known = {operation for entity, operation in first.items() if entity in held}
    assert OperationName.DIFF in known
    assert OperationName.IMPORT not in known

    late = next(each for each in journal if entity_of(each) in held) | {"dt": LONG_AGO}
    job.append_events([late])
    job.run.wait_until(lambda: [each["item"] for each in job.lapsed] == [entity_of(late)])
    if LONG:
        await refuse_messages_for_a_while(job, wikibase, loaded)
    job.stop()

    refused = job.bootstrap()
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "has a snapshot already" in refused.stderr


async def refuse_messages_for_a_while(job: BootstrappedUpdater, wikibase: WikibaseProcess, loaded: Graphs) -> None:
    """Lower the limit of the topic below any message: the reason is clear, and nothing is lost when it is raised."""
    job.limit_messages(SMALL)
    job.append_events(await wikibase.edit(EDITS))
    wanted = await graphs_of_wiki(wikibase)
    job.run.wait_until(lambda: "would refuse an event of" in (job.folder / "job.log").read_text())
    job.limit_messages(ENOUGH)
    job.run.wait_until(lambda: find_differing(graphs_of(job.published, loaded), wanted) <= job.failed)
