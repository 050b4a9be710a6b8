"""The last state of each page in an event, for pages that the wiki no longer shows.

An event of a deletion names the last revision of the page. A wiki shows the revisions of deleted pages to administrators
only, so the state of each page is stored with its events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.adapters.connectors.push_source import Metadata

Json = dict[str, Any]


class PageState(NamedTuple):
    """A page and its revision in an event."""

    page: Json
    revision: Json


class PageCache:
    """The states of pages. A new state is visible immediately, and `save` makes it durable.

    Args:
        metadata: The storage of the states.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._states: dict[int, PageState] = {}
        self._new: set[int] = set()

    async def load(self, page_ids: Iterable[int]) -> None:
        """Load the states of these pages."""
        missing = {_metadata_key(page_id): page_id for page_id in page_ids if page_id not in self._states}
        for name, text in (await self._metadata.load_metadata(missing)).items():
            self._states[missing[name]] = PageState(*orjson.loads(text))

    def get(self, page_id: int) -> PageState | None:
        """Return the last state of a page, None if there was no event of it."""
        return self._states.get(page_id)

    def put(self, page_id: int, state: PageState) -> None:
        """Set the state of a page."""
        self._states[page_id] = state
        self._new.add(page_id)

    async def save(self) -> None:
        """Make new states durable, and drop all loaded states."""
        values = {_metadata_key(page_id): orjson.dumps(list(self._states[page_id])).decode() for page_id in self._new}
        self._states.clear()
        self._new.clear()
        if values:
            await self._metadata.save_metadata(values)


def _metadata_key(page_id: int) -> str:
    return f"page:{page_id}"
