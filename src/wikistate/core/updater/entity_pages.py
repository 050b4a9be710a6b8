"""Entity pages: the pages of a wiki that hold entities, and their ids. Source: Wikibase docs, entity namespaces."""

from __future__ import annotations

from dataclasses import dataclass

from wikistate.core.updater.entity_id import EntityId, parse_page_entity
from wikistate.errors import InputError

DEFAULT_TITLE_PREFIXES = ("Property:", "Item:", "Lexeme:")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPages:
    """Entity pages of one wiki.

    Attributes:
        domain: Host name of the wiki in events.
        namespaces: Numbers of the namespaces whose titles are ids, with or without the namespace's name before them.
        mediainfo_namespaces: Numbers of the namespaces whose pages have an entity in a separate slot: files.
        mediainfo_slot: Name of that slot.
        content_models: Content models of entities in ``page.content_slots.main``.
        prefixes: Prefixes of the ids in titles: names of namespaces with a colon.
        wiki_id: Name of the database in events; empty to accept any.
    """

    domain: str
    namespaces: frozenset[int]
    mediainfo_namespaces: frozenset[int] = frozenset()
    mediainfo_slot: str = "mediainfo"
    content_models: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = DEFAULT_TITLE_PREFIXES
    wiki_id: str = ""

    def may_hold_entities(self, namespace: object) -> bool:
        """Return whether pages of a namespace, given by its number, may hold entities."""
        return self.has_ids_as_titles(namespace) or self.is_mediainfo(namespace)

    def has_ids_as_titles(self, namespace: object) -> bool:
        """Return whether the titles of a namespace are ids."""
        return type(namespace) is int and namespace in self.namespaces and namespace not in self.mediainfo_namespaces

    def is_mediainfo(self, namespace: object) -> bool:
        """Return whether the pages of a namespace have entities beside their text."""
        return type(namespace) is int and namespace in self.mediainfo_namespaces

    def check_wiki_id(self, stated: object) -> None:
        """Raise `InputError` if an event of this domain states the database of another wiki."""
        if self.wiki_id and stated != self.wiki_id:
            raise InputError(
                f"The event has the domain {self.domain} and the database {stated!r:.100}; that of the wiki is {self.wiki_id}.",
                hint="Another wiki may write to the stream. If the name is right, set wiki_id of the wiki under wikis.",
            )

    def strip_namespace(self, title: str) -> str:
        """Return the title without the name of its namespace."""
        for prefix in self.prefixes:
            if title.startswith(prefix):
                return title.removeprefix(prefix)
        return title

    def parse_entity(self, namespace: int, *, page_id: int, title: str) -> EntityId:
        """Return the entity of a page.

        Raises:
            InputError: The title, or the id of the page, does not give a valid entity id.
        """
        return parse_page_entity(f"M{page_id}" if self.is_mediainfo(namespace) else self.strip_namespace(title))
