"""The inventory of a wiki: the current revision of each page, listed once, when a source starts for the first time.

With it the deletion of a page names a revision although the page was last edited before the source began. The list is
read in parts between the requests for changes, and resumes after a restart. Later changes keep it current.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import structlog

from wikistate.adapters.connectors.recent_changes.page_cache import to_known_revision
from wikistate.adapters.connectors.saved_values import read_saved
from wikistate.core.events.integers import is_integer
from wikistate.errors import StateError

if TYPE_CHECKING:
    from wikistate.adapters.connectors.push_source import Metadata
    from wikistate.adapters.connectors.recent_changes.page_cache import PageCache
    from wikistate.adapters.connectors.recent_changes.wiki import PagesPart, RecentChangesWiki

log = structlog.get_logger(__name__)

_KEY = "inventory"
_FORMAT = 1


class Inventory:
    """The inventory of one wiki.

    Args:
        wiki: The wiki; open.
        pages: The known revisions, which the inventory completes.
        max_pages: The most pages to list; 0 for no inventory.
    """

    def __init__(self, wiki: RecentChangesWiki, pages: PageCache, *, max_pages: int) -> None:
        self._wiki = wiki
        self._pages = pages
        self._max_pages = max_pages
        self._listed = self._unreadable = 0
        self._waiting: list[int] = []
        self._resume: dict[str, Any] | None = None
        self._complete_since: int | None = None

    async def load(self, metadata: Metadata) -> None:
        """Load the state of an earlier run, at which the list resumes.

        Raises:
            StateError: A newer release has written it, or it is damaged.
        """
        self._waiting = list(self._wiki.namespaces)
        text = (await metadata.load_metadata([_KEY])).get(_KEY)
        if text is None:
            return
        state = read_saved("inventory of the pages", text, _decode)
        self._listed, self._waiting, self._resume = state["listed"], state["waiting"], state["resume"]
        self._unreadable = state.get("unreadable", 0)
        self._complete_since = state["complete_since"]

    @property
    def is_pending(self) -> bool:
        """Whether a part of the list is still to be read."""
        return bool(self._waiting) and self._listed < self._max_pages

    def is_complete_at(self, moment: int) -> bool:
        """Return whether the source knew all pages at a time, in milliseconds since the epoch."""
        return self._complete_since is not None and moment > self._complete_since

    async def advance(self) -> None:
        """Read the next part of the list. Call it while `is_pending`."""
        namespace, *later = self._waiting
        part = await self._wiki.list_pages(namespace, self._resume)
        await self._pages.load(found.page["pageid"] for found in part.pages)
        for page, revision in part.pages:
            if self._pages.get(page["pageid"]) is None:  # else an event has named it, and later events are in order
                self._pages.put(page["pageid"], to_known_revision(revision["revid"], revision["timestamp"]))
        self._listed += len(part.pages)
        self._unreadable += len(part.unreadable)
        self._resume = part.resume
        if part.resume is None:
            self._waiting = later
        if not self._waiting:
            self._finish(part)
        elif not self.is_pending:
            log.warning("inventory_too_large", pages=self._listed, allowed=self._max_pages)
        await self._pages.save({_KEY: self._dump()})

    def _finish(self, part: PagesPart) -> None:
        if self._unreadable:  # one of them may be a page whose deletion follows
            log.warning("inventory_incomplete", pages=self._listed, unreadable=self._unreadable)
        else:
            self._complete_since = part.now
            log.info("inventory_complete", pages=self._listed)

    def _dump(self) -> str:
        state = {
            "format": _FORMAT,
            "listed": self._listed,
            "waiting": self._waiting,
            "resume": self._resume,
            "complete_since": self._complete_since,
            "unreadable": self._unreadable,
        }
        return orjson.dumps(state).decode()


def _decode(stored: Any) -> dict[str, Any]:
    match stored:
        case {"format": number} if number != _FORMAT:
            raise StateError(
                f"The inventory of the pages has format {number!r:.60}; this release knows {_FORMAT}.",
                hint="Run the release that wrote the state, or a later one.",
            )
        case {"listed": listed, "waiting": list(waiting), "resume": dict() | None, "complete_since": since} if (
            is_integer(listed)
            and is_integer(stored.get("unreadable", 0))
            and all(type(each) is int for each in waiting)
            and (since is None or is_integer(since))
        ):
            return {**stored}
    raise ValueError("not an inventory")
