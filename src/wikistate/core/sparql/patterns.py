"""Patterns of the nodes that belong to an entity in a store.

Source: "Wikibase RDF dump format" and, for forms and senses, its lexicographical part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.sparql.terms import starts_with
from wikistate.core.sparql.vocabulary import COMPLEMENT_OF, LEXICAL_FORM, ONTOLOGY, SENSE

if TYPE_CHECKING:
    from wikistate.core.rdf.uris import Uris

MAX_VALUE_CHAIN = 2
"""Largest number of links from a node in a statement to a shared node: reference to value, value to normalised value."""


def match_parts(listed: str) -> str:
    """Bind ``?part`` to the entities that a ``VALUES ?entity`` lists, their forms and their senses."""
    return f"{{ {{ {match_subentities(listed)} }} UNION {{ {listed} BIND(?entity AS ?part) }} }}"


def match_subentities(listed: str) -> str:
    """Bind ``?part`` to the forms and senses of the listed entities."""
    return f"{listed} VALUES ?has {{ {LEXICAL_FORM} {SENSE} }} ?entity ?has ?part FILTER(isIRI(?part))"


def match_statements(listed: str, uris: Uris) -> str:
    """Bind ``?statement`` to the statements of the listed entities."""
    ours = f"FILTER(isIRI(?statement) && {starts_with('?statement', uris.statement)})"
    return f"{match_parts(listed)} ?part ?claim ?statement {ours}"


def match_predicates(listed: str, uris: Uris) -> str:
    """Bind ``?declared`` to the predicates and classes of the listed properties, such as ``wdt:P1``."""
    role, prefix = starts_with("?as", ONTOLOGY), starts_with("?declared", uris.prop)
    ours = f"FILTER({role} && isIRI(?declared) && {prefix})"
    return f"{listed} ?entity ?as ?declared {ours}"


def match_restrictions(listed: str, uris: Uris) -> str:
    """Bind ``?restriction`` to the nodes that define the classes without a value of the listed properties."""
    ours = f"FILTER(isIRI(?restriction) && {starts_with('?restriction', uris.genid)})"
    return f"{match_predicates(listed, uris)} ?declared {COMPLEMENT_OF} ?restriction {ours}"


def is_property(entity: str, uris: Uris) -> bool:
    """Return whether an IRI is that of a property, to which predicates and classes belong."""
    return (uris.entity_id(entity) or "").startswith("P")


def filter_shared(node: str, uris: Uris) -> str:
    """Build the filter for value and reference nodes, which several entities may share."""
    begins = " || ".join(starts_with(node, namespace) for namespace in (uris.value, uris.reference))
    return f"FILTER(isIRI({node}) && ({begins}))"
