"""Layout of a fake Wikibase: its wiki and the namespaces of its entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.demo.pages import Wiki
from wikistate.testing.wikibase.entities import EntityKind

if TYPE_CHECKING:
    from collections.abc import Mapping

SUITE_NAMESPACES = {EntityKind.ITEM: 120, EntityKind.PROPERTY: 122, EntityKind.LEXEME: 146, EntityKind.MEDIA: 6}
"""Namespaces of Wikibase Suite; on Wikidata items are in the main namespace."""

_NAMES = {
    EntityKind.ITEM: "Item",
    EntityKind.PROPERTY: "Property",
    EntityKind.LEXEME: "Lexeme",
    EntityKind.MEDIA: "File",
}


def make_wikibase_wiki(
    domain: str = "wikibase.example",
    *,
    concept_base: str = "http://wikibase.example",
    namespaces: Mapping[EntityKind, int] = SUITE_NAMESPACES,
    article_path: str = "/wiki/$1",
    language: str = "en",
) -> Wiki:
    """Make the wiki of a Wikibase with the kinds of entities that have a namespace.

    Args:
        domain: Host name.
        concept_base: Prefix of the IRIs of its entities.
        namespaces: Namespace of each kind of entity.
        article_path: Path of a page, with ``$1`` for its title.
        language: Content language, which names the special pages: ``en``, ``de`` or ``fr``.
    """
    names = {number: _NAMES[kind] if number else "" for kind, number in namespaces.items()}
    return Wiki(
        wiki_id=domain.partition(".")[0] + "wiki",
        domain=domain,
        site_name="A small Wikibase",
        namespaces={0: "", 1: "Talk"} | names,
        content_models={number: kind.model for kind, number in namespaces.items() if kind is not EntityKind.MEDIA},
        concept_base=concept_base,
        language=language,
        article_path=article_path,
        extensions=("WikibaseRepository", *(("WikibaseMediaInfo",) if EntityKind.MEDIA in namespaces else ())),
    )
