"""``list=recentchanges``, ``list=logevents`` and ``generator=allpages`` of the small Wikibase.

Sources: MediaWiki documentation, API:RecentChanges, API:Logevents, API:Allpages, API:Info.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from wikistate.core.events.timestamps import parse_timestamp
from wikistate.testing.wiki import replies
from wikistate.testing.wiki.api import ActionApi
from wikistate.testing.wiki.pieces import plain
from wikistate.testing.wiki.replies import ApiRefusal
from wikistate.testing.wikibase.rows import log_events, recent_changes, second

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from wikistate.testing.pages import Wiki
    from wikistate.testing.wiki.replies import Reply
    from wikistate.testing.wikibase.changes import ListedPage
    from wikistate.testing.wikibase.repository import Repository

Json = dict[str, Any]

MOST = 500
"""Rows of one answer; MediaWiki's own limit for everybody."""
LIMITS = {"rclimit": "recentchanges", "lelimit": "logevents", "aplimit": "allpages", "gaplimit": "allpages"}
"""The parameters that limit a list."""


class WikibaseApi(ActionApi):
    """The Action API of a Wikibase: that of the small wiki, with what a follower of changes asks besides.

    Args:
        repository: What it tells of.
        most: Rows of one answer.
    """

    def __init__(self, repository: Repository, *, most: int = MOST) -> None:
        super().__init__(repository.world)
        self._repository = repository
        self._most = most

    def _query(self, wiki: Wiki, params: Mapping[str, str], hidden: AbstractSet[int]) -> Reply:
        body = self._listed(params)
        if body is None:
            body = orjson.loads(plain(super()._query(wiki, params, hidden).pieces))
        else:
            body = {"batchcomplete": True} | body | self._granted(params)
        clock = {"curtimestamp": second(self._repository.now())} if "curtimestamp" in params else {}
        return replies.document(body | clock)

    def _listed(self, params: Mapping[str, str]) -> Json | None:
        made, params = self._repository, self._limited(params)
        match params:
            case {"list": "recentchanges"}:
                since = max(made.remembers_since, _earliest(params, "rc"))
                return _recent(list(recent_changes(made.journal, present=made.present, since=since)), params)
            case {"list": "logevents"}:
                since = _earliest(params, "le")
                return _logged(list(log_events(made.journal, present=made.present, since=since)), params)
            case {"list": "allpages"}:
                return _all_pages(list(made.pages()), params)
            case {"generator": "allpages"}:
                return _generated(list(made.pages()), params)
            case {"list": other} | {"generator": other}:
                raise ApiRefusal("small-wiki-list", f"This small Wikibase has no list {other}.")
            case _:
                return None

    def _granted(self, params: Mapping[str, str]) -> Json:
        """What ``max`` came to."""
        granted = {module: self._most for name, module in LIMITS.items() if params.get(name) == "max"}
        return {"limits": granted} if granted else {}

    def _limited(self, params: Mapping[str, str]) -> Mapping[str, str]:
        """With numbers for limits: as many as are allowed for ``max``, ten for none."""
        limits = {name: params.get(name, "10") for name in LIMITS}
        most = self._most
        return {
            **params,
            **{name: str(most if text == "max" else min(int(text), most)) for name, text in limits.items()},
        }


def _recent(rows: list[Json], params: Mapping[str, str]) -> Json:
    kinds = params.get("rctype", "edit|new|log|categorize").split("|")
    wanted = [row for row in _within(rows, params, "rc") if row["type"] in kinds and _is_in(row, params, "rcnamespace")]
    limit = int(params["rclimit"])
    mark = _mark(wanted[limit], "rcid") if len(wanted) > limit else ""
    return _continued("rccontinue", mark) | {"query": {"recentchanges": wanted[:limit]}}


def _logged(rows: list[Json], params: Mapping[str, str]) -> Json:
    wanted, limit = _within(rows, params, "le"), int(params["lelimit"])
    mark = _mark(wanted[limit], "logid") if len(wanted) > limit else ""
    return _continued("lecontinue", mark) | {"query": {"logevents": wanted[:limit]}}


def _continued(name: str, mark: str, *, by: str = "-||") -> Json:
    """How it goes on; an empty object at the end."""
    return {"continue": {name: mark, "continue": by}} if mark else {}


def _within(rows: list[Json], params: Mapping[str, str], prefix: str) -> list[Json]:
    """The rows between two times, in the order that is asked for, from where a continuation goes on."""
    number = "rcid" if prefix == "rc" else "logid"
    newer = params.get(f"{prefix}dir", "older") == "newer"
    bounds = [_time(params.get(f"{prefix}{end}")) for end in (("start", "end") if newer else ("end", "start"))]
    first, last = bounds[0] or 0, bounds[1] or 1 << 60
    found = [row for row in rows if first <= (_time(row["timestamp"]) or 0) <= last]
    found.sort(key=lambda row: (row["timestamp"], row[number]), reverse=not newer)
    resume = params.get(f"{prefix}continue")
    start = next((place for place, row in enumerate(found) if _mark(row, number) == resume), 0) if resume else 0
    return found[start:]


def _earliest(params: Mapping[str, str], prefix: str) -> int:
    """From when on rows are wanted, milliseconds since the epoch."""
    newer = params.get(f"{prefix}dir", "older") == "newer"
    return _time(params.get(f"{prefix}start" if newer else f"{prefix}end")) or 0


def _mark(row: Json, number: str) -> str:
    digits = "".join(character for character in row["timestamp"] if character.isdigit())
    return f"{digits}|{row[number]}"


def _is_in(row: Json, params: Mapping[str, str], name: str) -> bool:
    return name not in params or str(row["ns"]) in params[name].split("|")


def _all_pages(pages: list[ListedPage], params: Mapping[str, str]) -> Json:
    chosen, resume = _chosen(pages, params, "ap")
    shown = [{"pageid": page.page_id, "ns": page.namespace, "title": page.title} for page in chosen]
    return _continued("apcontinue", resume) | {"query": {"allpages": shown}}


def _generated(pages: list[ListedPage], params: Mapping[str, str]) -> Json:
    chosen, resume = _chosen(pages, params, "gap")
    body = _continued("gapcontinue", resume, by="gapcontinue||")
    if not chosen:  # a generator that finds nothing leaves the result out
        return body
    return body | {"query": {"pages": [_shown(page) for page in sorted(chosen, key=lambda page: page.page_id)]}}


def _shown(page: ListedPage) -> Json:
    shown = {
        "pageid": page.page_id,
        "ns": page.namespace,
        "title": page.title,
        "contentmodel": page.model,
        "pagelanguage": "en",
        "pagelanguagehtmlcode": "en",
        "pagelanguagedir": "ltr",
        "touched": page.touched,
        "lastrevid": page.revision,
        "length": page.size,
    }
    return shown | ({"redirect": True} if page.is_redirect else {}) | ({"new": True} if page.is_new else {})


def _chosen(pages: list[ListedPage], params: Mapping[str, str], prefix: str) -> tuple[list[ListedPage], str]:
    """The pages of one namespace in the order of their titles, and the title to go on from."""
    namespace = int(params.get(f"{prefix}namespace", "0"))
    start = params.get(f"{prefix}continue") or params.get(f"{prefix}from", "").replace(" ", "_")
    found = sorted(_titled(pages, namespace))
    found = [(name, page) for name, page in found if name.encode() >= start.encode()]
    limit = int(params[f"{prefix}limit"])
    resume = found[limit][0] if len(found) > limit else ""
    return [page for _, page in found[:limit]], resume


def _titled(pages: list[ListedPage], namespace: int) -> Iterator[tuple[str, ListedPage]]:
    for page in pages:
        if page.namespace == namespace:
            title = page.title.partition(":")[2] if namespace else page.title
            yield title.replace(" ", "_"), page


def _time(text: str | None) -> int | None:
    return parse_timestamp(text) if text else None
