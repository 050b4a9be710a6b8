"""What a wiki is asked: queries of the Action API, as parameters. Pure.

Sources: MediaWiki documentation, API:RecentChanges, API:Logevents, API:Revisions, API:Deletedrevisions, API:Siteinfo.
All of it works from MediaWiki 1.31 on; nothing newer is asked for.
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
"""Known from MediaWiki 1.32 on; an older wiki warns and leaves them out."""


def site_info() -> Parameters:
    """Its names, its clock and its namespaces."""
    return {"meta": "siteinfo", "siprop": "general|namespaces", "curtimestamp": "1"}


def recent_changes(start: int, end: int | None) -> Parameters:
    """Edits, new pages and log entries from one time (milliseconds since the epoch) to another."""
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
    """Log entries from one time to another."""
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
    """Some revisions and their pages; at most `MAX_TITLES`."""
    return _page_query({"revids": "|".join(map(str, rev_ids))})


def pages(titles: Iterable[str]) -> Parameters:
    """Some pages and their current revisions; at most `MAX_TITLES`."""
    return _page_query({"titles": "|".join(titles)})


def first_revision(title: str) -> Parameters:
    """A page and its oldest revision."""
    return _page_query({"titles": title, "rvdir": "newer", "rvlimit": "1"})


def deleted_revision(title: str) -> Parameters:
    """The newest deleted revision of a title; needs the right ``deletedhistory``."""
    return {
        "prop": "deletedrevisions",
        "titles": title,
        "drvprop": _REVISION + _SLOTS,
        "drvslots": "*",
        "drvlimit": "1",
    }


def _page_query(which: Parameters) -> Parameters:
    return {"prop": "revisions|info", "rvprop": _REVISION + _SLOTS, "rvslots": "*", **which}


def _format_second(moment: int) -> str:
    return format_timestamp(moment // 1000 * 1000)
