"""The entities that a full scan has listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.updater.entity_id import parse_page_entity

if TYPE_CHECKING:
    from collections.abc import Iterable

_PAGE_BITS = 12
_PAGE_BYTES = (1 << _PAGE_BITS) // 8


class EntityBitmap:
    """Set of entities with one bit for each: a hundred million of them take some megabytes.

    The bits are in pages of 512 bytes, which exist as soon as they hold an entity: the memory depends on how many entities a
    wiki lists, and not on how large a number it names.
    """

    def __init__(self) -> None:
        self._pages: dict[tuple[str, int], bytearray] = {}

    def add(self, entities: Iterable[str]) -> None:
        """Add entities."""
        for entity in entities:
            letter, number, _ = parse_page_entity(entity)
            key = letter, number >> _PAGE_BITS
            page = self._pages.get(key)
            if page is None:
                page = self._pages[key] = bytearray(_PAGE_BYTES)
            page[number >> 3 & _PAGE_BYTES - 1] |= 1 << (number & 7)

    def __contains__(self, entity: str) -> bool:
        letter, number, _ = parse_page_entity(entity)
        page = self._pages.get((letter, number >> _PAGE_BITS))
        return page is not None and bool(page[number >> 3 & _PAGE_BYTES - 1] & 1 << (number & 7))
