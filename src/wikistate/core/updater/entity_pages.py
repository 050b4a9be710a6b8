"""Which pages of a wiki hold entities, and what the ids of those are. Source: Wikibase documentation, entity namespaces."""

from __future__ import annotations

from dataclasses import dataclass

from wikistate.core.updater.entity_id import EntityId, parse_page_entity

DEFAULT_TITLE_PREFIXES = ("Property:", "Item:", "Lexeme:")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPages:
    """The entity pages of one wiki.

    Attributes:
        domain: Host name of the wiki, as events state it.
        namespaces: Numbers of the namespaces whose titles are ids, with the namespace's name before them or not.
        mediainfo_namespaces: Numbers of those whose pages have an entity in a slot of their own: files.
        mediainfo_slot: Name of that slot.
        content_models: Content models of entities, as ``page.content_slots.main`` states them.
        prefixes: What stands before the ids in titles: names of namespaces with a colon.
    """

    domain: str
    namespaces: frozenset[int]
    mediainfo_namespaces: frozenset[int] = frozenset()
    mediainfo_slot: str = "mediainfo"
    content_models: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = DEFAULT_TITLE_PREFIXES

    def may_hold_entities(self, namespace: object) -> bool:
        """Whether pages of a namespace, by its number, may hold entities."""
        return self.has_ids_as_titles(namespace) or self.is_mediainfo(namespace)

    def has_ids_as_titles(self, namespace: object) -> bool:
        """Whether the titles of a namespace are ids."""
        return type(namespace) is int and namespace in self.namespaces and namespace not in self.mediainfo_namespaces

    def is_mediainfo(self, namespace: object) -> bool:
        """Whether the pages of a namespace have entities beside their text."""
        return type(namespace) is int and namespace in self.mediainfo_namespaces

    def strip_namespace(self, title: str) -> str:
        """The title without the name of its namespace."""
        for prefix in self.prefixes:
            if title.startswith(prefix):
                return title.removeprefix(prefix)
        return title

    def parse_entity(self, namespace: int, *, page_id: int, title: str) -> EntityId:
        """The entity of a page.

        Raises:
            InputError: The title, or the page's id, is none of an entity.
        """
        return parse_page_entity(f"M{page_id}" if self.is_mediainfo(namespace) else self.strip_namespace(title))
