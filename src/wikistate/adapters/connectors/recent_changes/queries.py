"""The queries of the Action API for recent changes, as parameters. Pure.

Sources: MediaWiki documentation, API:RecentChanges, API:Logevents, API:Revisions, API:Deletedrevisions, API:Allpages,
API:Siteinfo.
All parameters exist since MediaWiki 1.31.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.events.timestamps import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

Parameters = dict[str, str]

MAX_TITLES = 50
"""Pages or revisions in one query."""

_REVISION = "ids|timestamp|flags|size|sha1|contentmodel|comment|user|userid"
_SLOTS = "|roles|slotsize|slotsha1"
"""Properties since MediaWiki 1.32; an older wiki warns and leaves them out."""


def site_info() -> Parameters:
    """Return the query of the names, the clock and the namespaces of a wiki."""
    return {"meta": "siteinfo", "siprop": "general|namespaces", "curtimestamp": "1"}


def recent_changes(start: int, end: int | None) -> Parameters:
    """Return the query of edits, new pages and log entries between two times in milliseconds since the epoch."""
    bound = {} if end is None else {"rcend": _format_second(end)}
    return {
        "list": "recentchanges",
        "rcdir": "newer",
        "rcstart": _format_second(start),
        "rctype": "edit|new|log",
        "rcprop": "ids|title|timestamp|user|userid|comment|flags|loginfo|sizes",
        "rclimit": "max",
        "curtimestamp": "1",
        **bound,
    }


def log_entries(start: int, end: int | None) -> Parameters:
    """Return the query of log entries between two times."""
    bound = {} if end is None else {"leend": _format_second(end)}
    return {
        "list": "logevents",
        "ledir": "newer",
        "lestart": _format_second(start),
        "leprop": "ids|title|type|user|userid|timestamp|comment|details",
        "lelimit": "max",
        **bound,
    }


def revisions(rev_ids: Iterable[int]) -> Parameters:
    """Return the query of revisions and their pages; at most `MAX_TITLES`."""
    return _page_query({"revids": "|".join(map(str, rev_ids))})


def pages(titles: Iterable[str]) -> Parameters:
    """Return the query of pages and their current revisions; at most `MAX_TITLES`."""
    return _page_query({"titles": "|".join(titles)})


def first_revision(title: str) -> Parameters:
    """Return the query of a page and its oldest revision."""
    return _page_query({"titles": title, "rvdir": "newer", "rvlimit": "1"})


def revision_at(title: str, moment: int) -> Parameters:
    """Return the query of a page and its newest revision at a time in milliseconds since the epoch."""
    return _page_query({"titles": title, "rvdir": "older", "rvstart": _format_second(moment), "rvlimit": "1"})


def deleted_revision(title: str, moment: int) -> Parameters:
    """Return the query of the newest revision of a title that is deleted, and that was saved until a time.

    It needs the right ``deletedhistory``.
    """
    return {
        "prop": "deletedrevisions",
        "titles": title,
        "drvprop": _REVISION + _SLOTS,
        "drvslots": "*",
        "drvlimit": "1",
        "drvstart": _format_second(moment),
    }


def all_pages(namespace: int) -> Parameters:
    """Return the query of all pages of a namespace with the ids and times of their current revisions."""
    return {
        "generator": "allpages",
        "gapnamespace": str(namespace),
        "gaplimit": "max",
        "prop": "revisions",
        "rvprop": "ids|timestamp",
        "curtimestamp": "1",
    }


def _page_query(which: Parameters) -> Parameters:
    return {"prop": "revisions|info", "rvprop": _REVISION + _SLOTS, "rvslots": "*", **which}


def _format_second(moment: int) -> str:
    return format_timestamp(moment // 1000 * 1000)
