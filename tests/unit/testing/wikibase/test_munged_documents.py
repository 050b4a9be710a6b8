"""Munging of the documents of the fake Wikibase keeps all their statements, values, references and articles."""

from __future__ import annotations

from functools import cache

import pytest
from pyoxigraph import BlankNode, NamedNode, Triple

from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.uris import Uris
from wikistate.testing.wikibase import (
    COMMONS,
    WIKIDATA,
    EditSimulator,
    EntityKind,
    Repository,
    Vocabulary,
    make_wikibase_wiki,
)
from wikistate.testing.wikibase.documents import serialize_triples

MIME = {"ttl": "text/turtle", "nt": "application/n-triples"}


@cache
def histories() -> dict[str, tuple[Repository, Uris]]:
    """Return a repository with the layout of Wikibase Suite, and one like Commons."""
    plain = Repository()
    like_commons = Repository(
        make_wikibase_wiki("commons.example", concept_base=COMMONS, namespaces={EntityKind.MEDIA: 6}),
        vocabulary=Vocabulary(COMMONS, WIKIDATA),
    )
    simulator = EditSimulator(plain, seed=6)
    simulator.create_initial(10)
    simulator.simulate(300)
    EditSimulator(like_commons, seed=7, kinds=(EntityKind.MEDIA,)).simulate(60)
    return {
        "plain": (plain, Uris.for_wikibase("http://wikibase.example")),
        "commons": (like_commons, Uris.for_federated(COMMONS, WIKIDATA)),
    }


def munged(made: Repository, uris: Uris, entity: str, revision: int = 0, *, form: str = "ttl") -> frozenset[Triple]:
    """Return the triples of an entity in a store."""
    body = serialize_triples(made.document(entity, revision) or (), form, made.vocabulary)
    return munge(parse_triples(body, base=f"{uris.entity_data}{entity}.{form}", mime_type=MIME[form]), entity, uris)


def subjects(triples: frozenset[Triple] | list[Triple], start: str) -> set[str]:
    """Return the subjects with IRIs of this prefix."""
    return {
        triple.subject.value
        for triple in triples
        if isinstance(triple.subject, NamedNode) and triple.subject.value.startswith(start)
    }


@pytest.mark.parametrize("name", ["plain", "commons"])
def test_every_statement_value_reference_and_article_reaches_the_store(name: str) -> None:
    """The store has no blank nodes and no data nodes."""
    made, uris = histories()[name]
    for entity in made.current_revisions:
        document = made.document(entity)
        assert document
        stored = munged(made, uris, entity)
        for start in (uris.statement, uris.value, uris.reference, "https://de.", "https://en.", uris.entity):
            assert subjects(stored, start) == subjects(document, start)
        assert not subjects(stored, uris.entity_data) | subjects(stored, uris.entity_data_https)
        assert not any(isinstance(node, BlankNode) for triple in stored for node in (triple.subject, triple.object))


def test_both_formats_give_the_same_triples_in_the_store() -> None:
    """Blank nodes have the same labels in both formats."""
    made, uris = histories()["plain"]
    for entity in made.current_revisions:
        assert munged(made, uris, entity, form="nt") == munged(made, uris, entity)


def test_diff_of_two_revisions_is_small() -> None:
    """Statement ids and node IRIs are stable between revisions, so a diff has the size of an edit and not of an entity."""
    made, uris = histories()["plain"]
    edits = [
        change
        for change in made.journal
        if change.kind == "edit" and made.is_visible(change.entity, change.revision.rev_id)
    ]
    shares = []
    for change in edits:
        if change.prior is None or not made.is_visible(change.entity, change.prior.rev_id):
            continue
        before, after = (munged(made, uris, change.entity, rev.rev_id) for rev in (change.prior, change.revision))
        shares.append(len(diff(before, after, uris)) / (len(before) + len(after)))
    assert len(shares) > 50
    assert sorted(shares)[len(shares) // 2] < 0.2
