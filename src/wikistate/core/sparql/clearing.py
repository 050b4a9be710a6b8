"""What takes entities out of a store: all that is theirs, and a note of what they shared.

Each step is bound to the entities, by ``VALUES`` in its own pattern, and what an entity merely mentions stays.

Source of the shapes: "Wikibase RDF dump format" and, for forms and senses, its lexicographical part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.sparql.vocabulary import (
    ABOUT,
    BOOKS,
    IS_PART_OF,
    LEXICAL_FORM,
    SENSE,
    SUSPECT_NODE,
    SUSPECT_SITE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wikistate.core.rdf.uris import Uris


_CHAIN = 2
"""How far a shared node is from the one that a statement names: a reference has values, a value its normalised form."""


def clearing(entities: Sequence[str], uris: Uris, *, suspects: bool) -> Iterator[str]:
    """The steps, each one update operation without its graph, in order.

    Args:
        entities: IRIs in angle brackets.
        uris: Of the Wikibase.
        suspects: Whether to note the shared nodes, for `wikistate.core.sparql.orphans`.
    """
    listed = f"VALUES ?entity {{ {' '.join(entities)} }}"
    statement = f'{_parts(listed)} ?part ?p ?statement FILTER(isIRI(?statement) && STRSTARTS(STR(?statement), "{uris.statement}"))'
    if suspects:
        yield from _notes(listed, statement, uris)
    # An article that another entity claims too, for a moment in a move, loses no more than its link to these.
    sole = f"FILTER NOT EXISTS {{ ?article {ABOUT} ?other FILTER(?other NOT IN ({', '.join(entities)})) }}"
    yield f"DELETE {{ ?article ?p ?o }} WHERE {{ {listed} ?article {ABOUT} ?entity ; ?p ?o {sole} }}"
    yield f"DELETE {{ ?article {ABOUT} ?entity }} WHERE {{ {listed} ?article {ABOUT} ?entity }}"
    yield f"DELETE {{ ?statement ?q ?o }} WHERE {{ {statement} ?statement ?q ?o }}"
    yield f"DELETE {{ ?part ?p ?o }} WHERE {{ {_subentities(listed)} ?part ?p ?o }}"
    yield f"DELETE {{ ?entity ?p ?o }} WHERE {{ {listed} ?entity ?p ?o }}"


def _notes(listed: str, statement: str, uris: Uris) -> Iterator[str]:
    shared = f'(STRSTARTS(STR(?node), "{uris.value}") || STRSTARTS(STR(?node), "{uris.reference}"))'
    note = f"INSERT {{ {BOOKS} {SUSPECT_NODE} ?node }}"
    yield f"{note} WHERE {{ {statement} ?statement ?q ?node FILTER(isIRI(?node) && {shared}) }}"
    for _ in range(_CHAIN):
        yield f"{note} WHERE {{ {BOOKS} {SUSPECT_NODE} ?from . ?from ?p ?node FILTER(isIRI(?node) && {shared}) }}"
    yield (
        f"INSERT {{ {BOOKS} {SUSPECT_SITE} ?site }} "
        f"WHERE {{ {listed} ?article {ABOUT} ?entity ; {IS_PART_OF} ?site FILTER(isIRI(?site)) }}"
    )


def _parts(listed: str) -> str:
    """Binds ``?part`` to the entities, their forms and their senses."""
    return f"{{ {{ {_subentities(listed)} }} UNION {{ {listed} BIND(?entity AS ?part) }} }}"


def _subentities(listed: str) -> str:
    return f"{listed} VALUES ?has {{ {LEXICAL_FORM} {SENSE} }} ?entity ?has ?part FILTER(isIRI(?part))"
