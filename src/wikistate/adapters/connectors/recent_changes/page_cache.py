"""The current revision of each page that is known, for pages that the wiki no longer shows.

An event of a deletion names the last revision of the page. A wiki shows the revisions of deleted pages to administrators
only, so the revision of each page is stored: that of its last event, or of the inventory. Sixteen pages share an entry,
so that a page takes some 30 bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from wikistate.adapters.connectors.saved_values import read_saved
from wikistate.core.events.timestamps import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.adapters.connectors.push_source import Metadata

Json = dict[str, Any]

_PAGES_PER_ENTRY = 16


class KnownRevision(NamedTuple):
    """A revision of a page without its details.

    Attributes:
        rev_id: Its id.
        time: Its time in seconds since the epoch.
    """

    rev_id: int
    time: int

    @property
    def entity(self) -> Json:
        """The field ``revision`` of an event, with the required values only."""
        return {"rev_id": self.rev_id, "rev_dt": format_timestamp(self.time * 1000).replace(".000", "")}


def to_known_revision(rev_id: int, timestamp: str) -> KnownRevision:
    """Return a revision with its time as the wiki writes it."""
    return KnownRevision(rev_id, (parse_timestamp(timestamp) or 0) // 1000)


class PageCache:
    """The known revisions of pages. A new one is visible immediately, and `save` makes it durable.

    Args:
        metadata: The storage.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._loaded: dict[int, dict[int, KnownRevision]] = {}
        self._legacy: dict[int, KnownRevision] = {}
        self._new: dict[int, KnownRevision] = {}

    async def load(self, page_ids: Iterable[int]) -> None:
        """Load the revisions of these pages."""
        wanted = set(page_ids)
        await self._load_entries({page_id // _PAGES_PER_ENTRY for page_id in wanted})
        # Older releases stored an entry for each page, with all values of its last event.
        names = {f"page:{page_id}": page_id for page_id in wanted if self.get(page_id) is None}
        for name, text in (await self._metadata.load_metadata(names)).items():
            self._legacy[names[name]] = read_saved("revision of a page", text, _decode_legacy)

    def get(self, page_id: int) -> KnownRevision | None:
        """Return the known revision of a page; None if there is none."""
        entry = self._loaded.get(page_id // _PAGES_PER_ENTRY, {})
        return self._new.get(page_id) or entry.get(page_id) or self._legacy.get(page_id)

    def put(self, page_id: int, revision: KnownRevision) -> None:
        """Set the revision of a page."""
        self._new[page_id] = revision

    async def save(self, more: dict[str, str] | None = None) -> None:
        """Make new revisions durable, together with further metadata, and drop all that was loaded."""
        changed = {page_id // _PAGES_PER_ENTRY for page_id in self._new}
        await self._load_entries(changed)
        values = dict(more or {})
        for page_id, revision in self._new.items():
            self._loaded[page_id // _PAGES_PER_ENTRY][page_id] = revision
        for number in changed:
            rows = [[page_id, *revision] for page_id, revision in sorted(self._loaded[number].items())]
            values[_entry_name(number)] = orjson.dumps(rows).decode()
        self._loaded.clear()
        self._legacy.clear()
        self._new.clear()
        if values:
            await self._metadata.save_metadata(values)

    async def _load_entries(self, numbers: Iterable[int]) -> None:
        missing = {_entry_name(number): number for number in numbers if number not in self._loaded}
        self._loaded |= {number: {} for number in missing.values()}
        for name, text in (await self._metadata.load_metadata(missing)).items():
            self._loaded[missing[name]] = read_saved("revisions of pages", text, _decode)


def _entry_name(number: int) -> str:
    return f"revisions:{number}"


def _decode(stored: Any) -> dict[int, KnownRevision]:
    found = {page_id: KnownRevision(*revision) for page_id, *revision in stored}
    if not all(type(number) is int for page_id, revision in found.items() for number in (page_id, *revision)):
        raise ValueError("not a list of numbers")
    return found


def _decode_legacy(stored: Any) -> KnownRevision:
    _, revision = stored
    return to_known_revision(revision["rev_id"], revision["rev_dt"])
