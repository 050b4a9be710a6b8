"""Memory of the entities that are parsed at the same time."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.limited_process import run_limited
from tests.unit.jobs.rdf_updater.updater_bench import UpdaterBench

from wikistate.core.rdf.subgraphs import Subgraphs
from wikistate.core.rdf.uris import Uris
from wikistate.core.updater.fetch_failures import FetchErrorType, FetchFailure
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.operations import Diff, FullImport
from wikistate.jobs.rdf_updater.entity_graphs import EntityGraphLoader, GraphUnavailable
from wikistate.jobs.rdf_updater.entity_memory import FIRST_FETCH_BYTES, MIB, EntityMemory, Level
from wikistate.jobs.rdf_updater.mutation_builder import BuiltMutations, MutationBuilder

URIS = Uris.for_wikibase("http://wikibase.example")
ORIGIN = Origin("", "2026-01-01T00:00:00Z", "id", "wikibase.example", "stream", "")
HEAD = b"""@prefix wd: <http://wikibase.example/entity/> . @prefix wdt: <http://wikibase.example/prop/direct/> .
@prefix schema: <http://schema.org/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<http://wikibase.example/Q1> a schema:Dataset ; schema:about wd:Q1 ; schema:version 5 ;
  schema:dateModified "2026-01-01T00:00:00Z"^^xsd:dateTime .
wd:Q1 wdt:P1 """


def document(values: int, *, padding: int = 0) -> bytes:
    """Return an entity with short values, and a comment that makes it longer."""
    return HEAD + b",".join(b"%d" % number for number in range(values)) + b" .\n#" + b"-" * padding


class Documents:
    """Source of one document for each revision.

    Attributes:
        requested: Limits of the requests, in order.
    """

    def __init__(self, *bodies: bytes) -> None:
        self._bodies = bodies
        self.requested: list[int | None] = []

    async def open(self) -> None:
        """See `EntitySource`."""

    async def close(self) -> None:
        """See `EntitySource`."""

    def url(self, entity_id: str, revision: int) -> str:
        """See `EntitySource`."""
        return f"http://wikibase.example/{entity_id}.ttl?revision={revision}"

    async def fetch(
        self, entity_id: str, revision: int, *, event_time: int | None = None, max_bytes: int | None = None
    ) -> bytes | FetchFailure:
        """See `EntitySource`."""
        assert event_time is None or event_time > 0
        self.requested.append(max_bytes)
        body = self._bodies[revision % len(self._bodies)]
        if max_bytes is not None and len(body) > max_bytes:
            return FetchFailure(FetchErrorType.UNKNOWN, "ContentTooLarge", "too large", entity_id, revision)
        return body

    def loader(self, memory: EntityMemory) -> EntityGraphLoader:
        """Return a loader of these documents."""
        return EntityGraphLoader(
            self, URIS, mime_type="text/turtle", concept_base=URIS.root, is_confirmed=True, memory=memory
        )


async def load_swelling_documents() -> tuple[set[str], bool, str]:
    """Load six documents at once that would take a gigabyte each.

    Returns:
        Error types, whether the event loop ran beside, and a message.
    """
    hostile = HEAD + b"1," * 3_000_000 + b"1 ."
    loader, ticks, done = Documents(hostile).loader(EntityMemory(128 * MIB)), 0, asyncio.Event()

    async def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    found = await asyncio.gather(*(loader.load("Q1", revision) for revision in range(6)))
    done.set()
    await ticking
    failures = [each for each in found if isinstance(each, GraphUnavailable)]
    return {each.error_type for each in failures}, ticks > 20, failures[0].message


def test_documents_that_swell_are_refused_within_the_memory_of_all_fetches() -> None:
    """Six at once stay below the address space of one, and the event loop continues beside them."""
    found = run_limited(
        """
        import asyncio
        from tests.unit.jobs.rdf_updater.test_entity_memory import load_swelling_documents
        print(*asyncio.run(load_swelling_documents()))
        """,
        megabytes=900,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("{'TooLargeError'} True http")
    assert "takes more than" in found.stdout


@pytest.mark.parametrize(
    ("body", "level"),
    [
        (document(10), Level.SMALL),
        (document(10, padding=100_000), Level.SLOT),
        (document(10_000), Level.SLOT),
        (document(10, padding=2 * MIB), Level.ALONE),
        (document(40_000), Level.ALONE),
        (document(10, padding=FIRST_FETCH_BYTES), Level.ALONE),
    ],
    ids=["small", "longer", "many triples", "large", "most triples", "larger than the first fetch"],
)
async def test_level_depends_on_size_and_triples(body: bytes, level: Level) -> None:
    """A document that takes more memory than its size suggests is parsed again at the next level."""
    memory = EntityMemory()
    lease = memory.lease()
    documents = Documents(body)
    graph = await documents.loader(memory).load("Q1", 5, lease=lease)
    assert not isinstance(graph, GraphUnavailable)
    assert lease.level is level
    expected = [FIRST_FETCH_BYTES, None] if len(body) > FIRST_FETCH_BYTES else [FIRST_FETCH_BYTES]
    assert documents.requested == expected


async def test_number_of_triples_of_an_entity_is_bounded() -> None:
    """More triples are a failed fetch, whose message names the setting."""
    loader = Documents(document(200)).loader(EntityMemory(max_triples=100))
    found = await loader.load("Q1", 5)
    assert isinstance(found, GraphUnavailable)
    assert "too many triples; allowed are 100" in found.message


async def test_large_entities_follow_each_other_and_keep_the_memory_until_they_are_written() -> None:
    """The second operation waits until the mutations of the first are written; a small one does not wait."""
    documents = Documents(document(10), document(10, padding=2 * MIB))
    builder = MutationBuilder(documents.loader(EntityMemory()), URIS, Subgraphs.unsplit("stream"))
    large = FullImport("Q1", 1, 5, 1, ORIGIN)
    first = await builder.build(large)
    second = asyncio.create_task(builder.build(large))
    small = await builder.build(large._replace(revision=6))
    assert isinstance(first, BuiltMutations)
    assert isinstance(small, BuiltMutations)
    assert not second.done()
    first.release()
    built = await second
    assert isinstance(built, BuiltMutations)
    built.release()


async def test_failed_operation_keeps_no_memory() -> None:
    """A document that is not about the entity releases its level."""
    memory = EntityMemory()
    broken = b"<http://x/s> <http://x/p> 1 .\n#" + b"-" * 2 * MIB
    builder = MutationBuilder(Documents(broken).loader(memory), URIS, Subgraphs.unsplit("stream"))
    for _ in range(3):
        assert isinstance(await builder.build(FullImport("Q1", 1, 5, 1, ORIGIN)), GraphUnavailable)


async def test_comparisons_of_large_revisions_do_not_block_each_other() -> None:
    """Each has two documents, of which both may need a level that others hold."""
    bodies = [document(10, padding=size) for size in (100_000, 200_000, 2 * MIB, 10, FIRST_FETCH_BYTES)]
    builder = MutationBuilder(Documents(*bodies).loader(EntityMemory(128 * MIB)), URIS, Subgraphs.unsplit("stream"))

    async def build(revision: int) -> None:
        built = await builder.build(Diff("Q1", 1, revision, 1, ORIGIN, revision - 1 - revision % 3))
        assert isinstance(built, BuiltMutations)
        built.release()

    await asyncio.wait_for(asyncio.gather(*(build(revision) for revision in range(10, 40))), 60)


async def test_memory_of_two_large_revisions_is_shared() -> None:
    """The second one has what the first leaves."""
    memory = EntityMemory(128 * MIB)  # of which the last level has 96, and half of them for parsed triples
    fits = Documents(document(50_000)).loader(memory)
    assert not isinstance(await fits.load("Q1", 5), GraphUnavailable)
    builder = MutationBuilder(fits, URIS, Subgraphs.unsplit("stream"))
    assert isinstance(await builder.build(Diff("Q1", 1, 6, 1, ORIGIN, 5)), GraphUnavailable)
    assert isinstance(await builder.build(FullImport("Q1", 1, 5, 1, ORIGIN)), BuiltMutations)


async def test_job_hands_the_release_to_the_runner() -> None:
    """The runner calls it once the changes are written."""
    bench = UpdaterBench()
    await bench.happen(bench.save())
    await bench.wait()
    assert bench.released == len(bench.mutations) == 1
