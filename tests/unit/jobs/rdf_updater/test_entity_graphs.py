"""Graphs of revisions that EntityData does not show although the wiki has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.crash_marker import CrashMarker
from wikistate.adapters.mediawiki.revision_lookup import LookupResult, RedirectRevision, RevisionState
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.uris import Uris
from wikistate.core.updater.fetch_failures import FetchErrorType, FetchFailure
from wikistate.jobs.rdf_updater.entity_graphs import EntityGraphLoader, GraphUnavailable
from wikistate.testing.wikibase import Item, Repository
from wikistate.testing.wikibase.documents import serialize_triples

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.core.rdf.graph import Graph

URIS = Uris.for_wikibase("http://wikibase.example")
NOW = 1_700_000_000


class Entities:
    """Source of entities with one answer after the other, and the states of revisions in the Action API."""

    def __init__(self, *answers: bytes | FetchErrorType, state: LookupResult) -> None:
        self.answers = list(answers)
        self.state = state
        self.asked: list[int | None] = []
        self.looked_up: list[tuple[str, int]] = []
        self.closed = 0

    async def open(self) -> None:
        """See `EntitySource`."""

    async def close(self) -> None:
        """See `EntitySource` and `RevisionStates`."""
        self.closed += 1

    def url(self, entity_id: str, revision: int) -> str:
        """See `EntitySource`."""
        return f"https://wikibase.example/wiki/Special:EntityData/{entity_id}.ttl?revision={revision}"

    async def fetch(
        self, entity_id: str, revision: int, *, event_time: int | None = None, max_bytes: int | None = None
    ) -> bytes | FetchFailure:
        """See `EntitySource`."""
        self.asked.append(event_time)
        answer = self.answers.pop(0)
        if isinstance(answer, bytes):
            if max_bytes is not None and len(answer) > max_bytes:
                self.answers.insert(0, answer)
                return FetchFailure(FetchErrorType.UNKNOWN, "ContentTooLarge", "too large", entity_id, revision)
            return answer
        return FetchFailure(answer, "BadRevision", "404", entity_id, revision)

    async def look_up(self, entity: str, revision: int) -> LookupResult:
        """See `RevisionStates`."""
        self.looked_up.append((entity, revision))
        return self.state

    def loader(self) -> EntityGraphLoader:
        """Return a loader of these entities."""
        return EntityGraphLoader(
            self, URIS, mime_type="text/turtle", concept_base=URIS.root, states=self, clock=lambda: NOW
        )


def merged() -> tuple[bytes, Graph, RedirectRevision]:
    """Return the document of a redirect, its munged triples, and the redirect in the Action API."""
    repository = Repository(clock=lambda: NOW)
    for name in ("Q1", "Q2"):
        repository.save(Item(id=name))
    saved = repository.redirect("Q1", "Q2").revision
    body = serialize_triples(repository.document("Q1") or (), "ttl", repository.vocabulary)
    base = "https://wikibase.example/wiki/Special:EntityData/Q1.ttl"
    return body, munge(parse_triples(body, base=base), "Q1", URIS), RedirectRevision("Q2", saved.dt)


async def test_redirect_has_the_same_triples_whether_its_target_exists_or_not() -> None:
    """Those of its document, and those of the content of its page, are equal to the letter."""
    body, graph, redirect = merged()
    before = Entities(body, state=redirect)
    assert await before.loader().load("Q1", 3) == graph
    assert before.looked_up == []
    after = Entities(FetchErrorType.ENTITY_NOT_FOUND, state=redirect)
    assert await after.loader().load("Q1", 3) == graph
    assert after.looked_up == [("Q1", 3)]


async def test_shown_revision_is_requested_again_as_a_new_one() -> None:
    """Its time is now, so that the client waits for a lagging replica or a cache."""
    body, graph, _ = merged()
    entities = Entities(FetchErrorType.ENTITY_NOT_FOUND, body, state=RevisionState.SHOWN)
    assert await entities.loader().load("Q1", 3) == graph
    assert entities.asked == [None, NOW * 1000]


async def test_revision_that_stays_hidden_is_unavailable_and_the_message_says_why() -> None:
    """The operator reads that the two answers of the wiki contradict each other."""
    entities = Entities(*[FetchErrorType.ENTITY_NOT_FOUND] * 2, state=RevisionState.SHOWN)
    found = await entities.loader().load("Q1", 3)
    assert isinstance(found, GraphUnavailable)
    assert (found.type, found.message) == (
        FetchErrorType.ENTITY_NOT_FOUND,
        "404, although the Action API shows it",
    )


@pytest.mark.parametrize(
    ("failure", "state", "is_replaceable", "lookups"),
    [
        (FetchErrorType.ENTITY_NOT_FOUND, RevisionState.NOT_SHOWN, False, 1),
        (FetchErrorType.ENTITY_NOT_FOUND, RevisionState.SHOWN, True, 1),
        (FetchErrorType.UNEXPECTED_RESPONSE, RevisionState.SHOWN, False, 0),
    ],
    ids=["deleted", "earlier revision of a diff", "another failure"],
)
async def test_other_failures_are_not_requested_again(
    failure: FetchErrorType, state: RevisionState, *, is_replaceable: bool, lookups: int
) -> None:
    """A deleted revision stays deleted, and a diff can do without the revision before it."""
    entities = Entities(failure, state=state)
    found = await entities.loader().load("Q1", 3, is_replaceable=is_replaceable)
    assert isinstance(found, GraphUnavailable)
    assert (len(entities.asked), len(entities.looked_up)) == (1, lookups)


async def test_both_clients_are_closed() -> None:
    """The lookup has a connection of its own."""
    entities = Entities(state=RevisionState.SHOWN)
    await entities.loader().close()
    assert entities.closed == 2


async def test_entity_that_ended_the_process_twice_is_neither_parsed_nor_diagnosed(tmp_path: Path) -> None:
    """Each parsing of it would end the process again, also the one that looks for the concept base."""
    name, file = b"Q1, revision 3", tmp_path / "parsing"
    for _ in range(2):
        marker = CrashMarker(file)
        marker.open()
        marker.begin(name)
        marker.close()
    body, graph, _ = merged()
    marker = CrashMarker(file)
    loader = EntityGraphLoader(
        Entities(body, body, state=RevisionState.SHOWN),
        URIS,
        mime_type="text/turtle",
        concept_base="http://other.example",
        marker=marker,
    )
    await loader.open()
    refused = await loader.load("Q1", 3)
    assert isinstance(refused, GraphUnavailable)
    assert refused.error_type == "KilledProcessError"
    assert str(file) in refused.message
    assert await loader.load("Q1", 4) == graph
    await loader.close()
