"""rdf-updater on a test Wikibase in memory: no HTTP, no runner, and a clock that stands still."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.uris import Uris
from wikistate.core.updater.fetch_failures import FetchErrorType, FetchFailure
from wikistate.streaming.keyed_job import EMPTY_STATE, Decision, OperationResult, TimerFired, do_nothing
from wikistate.streaming.record import Partition, Record
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.wikibase import EntityGenerator, EntityKind, Repository, build_page_change
from wikistate.testing.wikibase.documents import serialize_triples
from wikistate.wiring.rdf_updater import assemble_rdf_updater

if TYPE_CHECKING:
    from pyoxigraph import Triple

    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.operations import Operation
    from wikistate.streaming.record import Output, Role
    from wikistate.testing.wikibase import Change

DOMAIN = "wikibase.example"
MINUTE = 60_000


class RepositoryEntities:
    """Source of entities from a repository, with scripted responses.

    Attributes:
        answers: Responses for revisions in place of their documents.
        asked: Fetched entities and revisions.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.answers: dict[int, bytes | FetchFailure | Exception] = {}
        self.asked: list[tuple[str, int]] = []

    async def open(self) -> None:
        """See `EntitySource`."""

    async def close(self) -> None:
        """See `EntitySource`."""

    def url(self, entity_id: str, revision: int) -> str:
        """See `EntitySource`."""
        return f"https://{DOMAIN}/wiki/Special:EntityData/{entity_id}.ttl?revision={revision}"

    async def fetch(
        self, entity_id: str, revision: int, *, event_time: int | None = None, max_bytes: int | None = None
    ) -> bytes | FetchFailure:
        """See `EntitySource`."""
        assert event_time is None or event_time > 0
        self.asked.append((entity_id, revision))
        answer = self.answers.get(revision)
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer
        triples = self._repository.document(entity_id, revision)
        if triples is None:
            return missing(entity_id, revision, FetchErrorType.ENTITY_NOT_FOUND)
        body = serialize_triples(triples, "ttl", self._repository.vocabulary)
        if max_bytes is not None and len(body) > max_bytes:
            return FetchFailure(FetchErrorType.UNKNOWN, "ContentTooLarge", "too large", entity_id, revision)
        return body


def missing(entity: str, revision: int, kind: FetchErrorType = FetchErrorType.UNEXPECTED_RESPONSE) -> FetchFailure:
    """Return a failed fetch."""
    return FetchFailure(kind, "ServerError", "The wiki answers 500.", entity, revision)


class UpdaterBench:
    """The job, its state of one entity, and its outputs.

    Args:
        assignments: Settings above those of the test Wikibase.
    """

    def __init__(self, *assignments: str) -> None:
        self.repository = Repository(clock=lambda: 1_700_000_000.0)
        self.entities = RepositoryEntities(self.repository)
        self.author = EntityGenerator(Random(1))
        self.meter = RecordingMeter()
        own = (
            f"rdf.hostname={DOMAIN}",
            "rdf.entity_namespaces=[120,122,146]",
            "rdf.mediainfo_namespaces=[6]",
        )
        flags = CliSettings(source="-", assignments=(*own, *assignments))
        configuration = load_configuration("rdf-updater", flags).configuration
        self.assembled = assemble_rdf_updater(configuration, self.meter, entities=self.entities)
        self.job = self.assembled.job
        self.state = EMPTY_STATE
        self.outputs: list[Output] = []
        self.mutations: list[Mutation] = []
        self.released = 0

    def save(self, entity: str = "Q1", *, triples: int = 40) -> Change:
        """Create or edit an item."""
        self.repository.next_id(EntityKind.ITEM)
        return self.repository.save(self.author.make_item(entity, triples=triples))

    async def happen(self, change: Change, *, watermark: int | None = None) -> Decision[Operation]:
        """Process the event of a change, and execute the decision."""
        return await self.read(build_page_change(change, self.repository.wiki), watermark=watermark)

    async def read(self, event: Any, *, watermark: int | None = None) -> Decision[Operation]:
        """Process an event, and execute the decision."""
        value = event if isinstance(event, bytes) else orjson.dumps(event)
        accepted = self.job.decode(Record(value, None, None, Partition("topic"), 0))
        self.outputs += accepted.outputs
        if accepted.event is None:
            return Decision(self.state)
        return await self.do(accepted.event, watermark=watermark)

    async def wait(self) -> Decision[Operation]:
        """Fire the timer of all waiting events."""
        return await self.do(TimerFired(2**50), watermark=2**50)

    async def do(self, event: Any, *, watermark: int | None) -> Decision[Operation]:
        """Decide about an event or a timer, and execute the decision."""
        step = self.job.decide(self.state, event, watermark)
        self.state = step.state
        self.outputs += step.outputs
        for operation in step.operations:
            performed: OperationResult[Mutation] = await self.job.execute(operation, self.state)
            self.state = performed.state
            self.outputs += performed.outputs
            self.mutations += performed.changes
            if performed.on_written is not do_nothing:
                performed.on_written()
                self.released += 1
        return step

    def events_of(self, role: Role) -> list[dict[str, Any]]:
        """Return the events of a role."""
        return [orjson.loads(output.value) for output in self.outputs if output.role is role]

    def graph(self, entity: str, revision: int) -> frozenset[Triple]:
        """Return the munged triples of a revision."""
        triples = self.repository.document(entity, revision)
        assert triples is not None
        body = serialize_triples(triples, "ttl", self.repository.vocabulary)
        base = self.entities.url(entity, revision)
        return munge(parse_triples(body, base=base), entity, Uris.for_wikibase(f"http://{DOMAIN}"))
