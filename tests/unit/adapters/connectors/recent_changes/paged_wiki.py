"""A wiki with pages in memory, which answers queries for pages, revisions and deleted revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.unit.adapters.connectors.recent_changes.test_source import NOON, ScriptedWiki

from wikistate.core.events.timestamps import format_timestamp, parse_timestamp
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


class PagedWiki(ScriptedWiki):
    """A wiki with pages; the title of page 9 is ``Page 9``.

    Attributes:
        pages: The revisions of each page that exists, by page id, as pairs of an id and a time.
        deleted: The same for deleted pages.
        sees_deleted: Whether the reader may see deleted revisions.
        part_size: Pages in one part of a list.
        lists: Number of requests for a list of pages.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[int, list[tuple[int, int]]] = {}
        self.deleted: dict[int, list[tuple[int, int]]] = {}
        self.sees_deleted = False
        self.part_size = 2
        self.lists = 0

    def create(self, page: int, *revisions: int, at: int = NOON - 3_600_000) -> None:
        """Create a page with revisions of one time."""
        self.pages[page] = [(revision, at) for revision in revisions]

    def delete(self, page: int) -> None:
        """Delete a page; its rows are gone from recent changes."""
        self.deleted[page] = self.pages.pop(page)
        self.recent = [row for row in self.recent if row["pageid"] != page or row["type"] == "log"]

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> Json:
        """See `WikiQueries`."""
        clock = {"curtimestamp": format_timestamp(self.now)}
        match parameters:
            case {"generator": "allpages"}:
                return clock | self._list_pages(parameters)
            case {"prop": "deletedrevisions", "titles": title, "drvstart": start}:
                if not self.sees_deleted:
                    raise WikiError("permissiondenied")
                return {"query": {"pages": [self._show_deleted(title, parse_timestamp(start) or 0)]}}
            case {"titles": titles, "rvstart": start}:
                return self._show_titles([titles], until=parse_timestamp(start))
            case {"titles": titles}:
                return self._show_titles(titles.split("|"))
            case {"revids": ids}:
                shown = [self._show(page, number) for page in self.pages for number in map(int, ids.split("|"))]
                return {"query": {"pages": [each for each in shown if each]}}
            case _:
                return await super().query(parameters, tries=tries)

    def _list_pages(self, parameters: Mapping[str, str]) -> Json:
        self.lists += 1
        listed = sorted(self.pages)
        start = int(parameters.get("gapcontinue", 0))
        ahead = [page for page in listed if page >= start]
        resume = {"continue": {"gapcontinue": str(ahead[self.part_size])}} if len(ahead) > self.part_size else {}
        shown = [self._show(page, self.pages[page][-1][0]) for page in ahead[: self.part_size]]
        return {"query": {"pages": shown}} | resume

    def _show_titles(self, titles: list[str], *, until: int | None = None) -> Json:
        numbers = [int(title.rpartition(" ")[2]) for title in titles]
        found = [
            self._show(page, [rev for rev, at in self.pages[page] if until is None or at <= until][-1])
            for page in numbers
            if page in self.pages
        ]
        return {"query": {"pages": found}}

    def _show_deleted(self, title: str, until: int) -> Json:
        page = int(title.rpartition(" ")[2])
        found = [_revision(*each) for each in self.deleted.get(page, ()) if each[1] <= until]
        exists = {"pageid": page} if page in self.pages else {"missing": True}
        return {"title": title, **exists} | ({"deletedrevisions": found[-1:]} if found else {})

    def _show(self, page: int, revision: int) -> Json:
        found = [_revision(*each) for each in self.pages[page] if each[0] == revision]
        shown = {"pageid": page, "ns": 0, "title": f"Page {page}", "lastrevid": self.pages[page][-1][0]}
        return shown | {"revisions": found} if found else {}


def _revision(rev_id: int, at: int) -> Json:
    return {"revid": rev_id, "parentid": 1, "timestamp": format_timestamp(at).replace(".000", ""), "size": 5}
