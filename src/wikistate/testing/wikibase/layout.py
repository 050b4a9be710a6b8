"""Which wiki a small Wikibase is, and where on it which entities are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.testing.pages import Wiki
from wikistate.testing.wikibase.entities import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

SUITE = {Kind.ITEM: 120, Kind.PROPERTY: 122, Kind.LEXEME: 146, Kind.MEDIA: 6}
"""Namespaces as Wikibase Suite has them; on Wikidata items are in the main namespace."""

_NAMES = {Kind.ITEM: "Item", Kind.PROPERTY: "Property", Kind.LEXEME: "Lexeme", Kind.MEDIA: "File"}


def wikibase_wiki(
    domain: str = "wikibase.example",
    *,
    concept: str = "http://wikibase.example",
    namespaces: Mapping[Kind, int] = SUITE,
) -> Wiki:
    """A Wikibase with the kinds of entities that have a namespace.

    Args:
        domain: Its host name.
        concept: What the IRIs of its entities begin with.
        namespaces: Where its entities are.
    """
    names = {number: _NAMES[kind] if number else "" for kind, number in namespaces.items()}
    return Wiki(
        wiki_id=domain.partition(".")[0] + "wiki",
        domain=domain,
        site_name="A small Wikibase",
        namespaces={0: "", 1: "Talk"} | names,
        content_models={number: kind.model for kind, number in namespaces.items() if kind is not Kind.MEDIA},
        concept_base=concept,
        extensions=("WikibaseRepository", *(("WikibaseMediaInfo",) if Kind.MEDIA in namespaces else ())),
    )
