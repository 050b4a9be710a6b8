"""Patterns of what belongs to an entity in a store.

Source: "Wikibase RDF dump format" and, for forms and senses, its lexicographical part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.sparql.vocabulary import COMPLEMENT_OF, LEXICAL_FORM, ONTOLOGY, SENSE

if TYPE_CHECKING:
    from wikistate.core.rdf.uris import Uris

MAX_VALUE_CHAIN = 2
"""How far a shared node is from the one that a statement names: a reference has values, a value its normalised form."""


def match_parts(listed: str) -> str:
    """Binds ``?part`` to the entities that a ``VALUES ?entity`` lists, their forms and their senses."""
    return f"{{ {{ {match_subentities(listed)} }} UNION {{ {listed} BIND(?entity AS ?part) }} }}"


def match_subentities(listed: str) -> str:
    """Binds ``?part`` to their forms and senses."""
    return f"{listed} VALUES ?has {{ {LEXICAL_FORM} {SENSE} }} ?entity ?has ?part FILTER(isIRI(?part))"


def match_statements(listed: str, uris: Uris) -> str:
    """Binds ``?statement`` to their statements."""
    ours = f'FILTER(isIRI(?statement) && STRSTARTS(STR(?statement), "{uris.statement}"))'
    return f"{match_parts(listed)} ?part ?claim ?statement {ours}"


def match_predicates(listed: str, uris: Uris) -> str:
    """Binds ``?declared`` to what the listed properties are called as predicates and classes, such as ``wdt:P1``."""
    ours = f'FILTER(STRSTARTS(STR(?as), "{ONTOLOGY}") && isIRI(?declared) && STRSTARTS(STR(?declared), "{uris.prop}"))'
    return f"{listed} ?entity ?as ?declared {ours}"


def match_restrictions(listed: str, uris: Uris) -> str:
    """Binds ``?restriction`` to the nodes that say what the properties having no value means."""
    ours = f'FILTER(isIRI(?restriction) && STRSTARTS(STR(?restriction), "{uris.genid}"))'
    return f"{match_predicates(listed, uris)} ?declared {COMPLEMENT_OF} ?restriction {ours}"


def is_property(entity: str, uris: Uris) -> bool:
    """Whether an entity's IRI is of a property, which its predicates belong to."""
    return (uris.entity_id(entity) or "").startswith("P")


def filter_shared(node: str, uris: Uris) -> str:
    """That a variable is a value or a reference, which several entities may have."""
    begins = " || ".join(f'STRSTARTS(STR({node}), "{namespace}")' for namespace in (uris.value, uris.reference))
    return f"FILTER(isIRI({node}) && ({begins}))"
