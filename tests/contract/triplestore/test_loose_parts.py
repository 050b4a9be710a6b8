"""Parts that no entity links to: each kind of store deletes them with the batch that adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.testing.contracts.small_entities import VALUES, make_article, make_item, make_lexeme, parse_triples
from wikistate.testing.contracts.store_operations import apply, read_held_triples

if TYPE_CHECKING:
    from wikistate.adapters.triplestore.store import TripleStore

BADGE = parse_triples("<https://en.wikipedia.org/wiki/A> wikibase:badge wd:Q17 .")


async def test_parts_without_a_link_are_deleted_with_values_that_only_they_use(store: TripleStore) -> None:
    """A statement, a form, its statement, and an article: their entities are deleted already. Linked parts get the triples."""
    whole = make_item("Q1") | make_lexeme("L1")
    await apply(store, added=whole, linked=parse_triples(VALUES))
    loose = parse_triples(
        'wds:Q4-2 ps:P2 "new" ; prov:wasDerivedFrom wdref:x1 . wd:L4-F1 rdfs:label "new" ; p:P9 wds:L4-F1-1 . '
        'wds:L4-F1-1 ps:P9 "new" ; psv:P9 wdv:x2 .'
    )
    values = parse_triples('wdref:x1 prv:P8 wdv:x2 . wdv:x2 wikibase:quantityAmount "new" .')
    wanted = parse_triples('wds:Q1-s1 ps:P2 "more" . wd:L1-F1 rdfs:label "more" .')
    await apply(store, added=loose | wanted | BADGE, linked=values)
    await apply(store, deleted=frozenset({"Q4", "L4"}))
    assert await read_held_triples(store) == whole | wanted | parse_triples(VALUES)


async def test_article_without_entity_is_deleted_with_the_batch_that_adds_to_it(store: TripleStore) -> None:
    """An article whose entity follows in the same batch, or is in the store, stays."""
    entity = parse_triples("<https://en.wikipedia.org/wiki/A> schema:about wd:Q1 .")
    await apply(store, added=make_item("Q1"), linked=parse_triples(VALUES) | make_article("A"))
    assert await read_held_triples(store) == make_item("Q1") | parse_triples(VALUES)
    await apply(store, added=entity, linked=make_article("A"))
    await apply(store, added=BADGE)
    assert await read_held_triples(store) >= entity | make_article("A") | BADGE
