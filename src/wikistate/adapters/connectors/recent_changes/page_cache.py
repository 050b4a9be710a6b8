"""What is known of pages: their last state that an event carried, for the day when the wiki shows it no more.

To say that a page was deleted, an event names its last revision. A wiki shows the revisions of deleted pages to
administrators alone, so each page is noted as it goes by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.adapters.connectors.push_source import Metadata

Json = dict[str, Any]


class PageState(NamedTuple):
    """A page and its revision, as an event described them."""

    page: Json
    revision: Json


class PageCache:
    """The notes on pages. What is put is seen at once, and kept by `save`.

    Args:
        metadata: Where they are kept.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._states: dict[int, PageState] = {}
        self._new: set[int] = set()

    async def load(self, page_ids: Iterable[int]) -> None:
        """Have the states of these pages at hand."""
        missing = {_metadata_key(page_id): page_id for page_id in page_ids if page_id not in self._states}
        for name, note in (await self._metadata.load_metadata(missing)).items():
            self._states[missing[name]] = PageState(*orjson.loads(note))

    def get(self, page_id: int) -> PageState | None:
        """The last state of a page, None where it never went by."""
        return self._states.get(page_id)

    def put(self, page_id: int, state: PageState) -> None:
        """The page is like this now."""
        self._states[page_id] = state
        self._new.add(page_id)

    async def save(self) -> None:
        """Make what was put durable, and let go of it."""
        notes = {_metadata_key(page_id): orjson.dumps(list(self._states[page_id])).decode() for page_id in self._new}
        self._states.clear()
        self._new.clear()
        if notes:
            await self._metadata.save_metadata(notes)


def _metadata_key(page_id: int) -> str:
    return f"page:{page_id}"
