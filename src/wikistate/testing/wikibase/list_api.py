"""``list=recentchanges``, ``list=logevents`` and ``generator=allpages`` of the fake Wikibase.

Sources: MediaWiki documentation, API:RecentChanges, API:Logevents, API:Allpages, API:Info.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from wikistate.core.events.timestamps import parse_timestamp
from wikistate.testing.wiki import responses
from wikistate.testing.wiki.api import ActionApi
from wikistate.testing.wiki.cached_bodies import join_plain
from wikistate.testing.wiki.responses import ApiUsageError
from wikistate.testing.wikibase.change_rows import format_second, list_log_events, list_recent_changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from wikistate.demo.pages import Wiki
    from wikistate.testing.wiki.responses import WikiResponse
    from wikistate.testing.wikibase.changes import ListedPage
    from wikistate.testing.wikibase.repository import Repository

Json = dict[str, Any]

MAX_ROWS = 500
"""Maximum of rows of one response, which MediaWiki applies to all users."""

LIMIT_PARAMETERS = {"rclimit": "recentchanges", "lelimit": "logevents", "aplimit": "allpages", "gaplimit": "allpages"}
"""Parameters that limit a list, with their modules."""


class WikibaseApi(ActionApi):
    """Action API of a Wikibase: that of the fake wiki with the lists that clients need to follow changes.

    Args:
        repository: Data of the Wikibase.
        max_rows: Maximum of rows of one response.
    """

    def __init__(self, repository: Repository, *, max_rows: int = MAX_ROWS) -> None:
        super().__init__(repository.dataset)
        self._repository = repository
        self._max_rows = max_rows

    def _query(self, wiki: Wiki, params: Mapping[str, str], hidden: AbstractSet[int]) -> WikiResponse:
        body = self._query_list(params)
        if body is None:
            body = orjson.loads(join_plain(super()._query(wiki, params, hidden).pieces))
        else:
            body = {"batchcomplete": True} | body | self._applied_limits(params)
        clock = {"curtimestamp": format_second(self._repository.now())} if "curtimestamp" in params else {}
        return responses.make_json(body | clock)

    def _query_list(self, params: Mapping[str, str]) -> Json | None:
        made, params = self._repository, self._resolve_limits(params)
        match params:
            case {"list": "recentchanges"}:
                since = max(made.recent_changes_since, _start_time(params, "rc"))
                rows = list_recent_changes(
                    made.journal, since=since, names_null_revisions=made.log_rows_name_null_revisions
                )
                return _answer_recent_changes(list(rows), params)
            case {"list": "logevents"}:
                since = _start_time(params, "le")
                return _answer_log_events(
                    list(list_log_events(made.journal, present=made.present_pages, since=since)), params
                )
            case {"list": "allpages"}:
                return _answer_all_pages(list(made.list_pages()), params)
            case {"generator": "allpages"}:
                return _answer_generator(list(made.list_pages()), params)
            case {"list": other} | {"generator": other}:
                raise ApiUsageError("small-wiki-list", f"This fake Wikibase does not support the list {other}.")
            case _:
                return None

    def _applied_limits(self, params: Mapping[str, str]) -> Json:
        """Return the limits that were applied for ``max``."""
        applied = {module: self._max_rows for name, module in LIMIT_PARAMETERS.items() if params.get(name) == "max"}
        return {"limits": applied} if applied else {}

    def _resolve_limits(self, params: Mapping[str, str]) -> Mapping[str, str]:
        """Replace the limits by numbers: the maximum for ``max``, ten without a limit."""
        limits = {name: params.get(name, "10") for name in LIMIT_PARAMETERS}
        most = self._max_rows
        return {
            **params,
            **{name: str(most if text == "max" else min(int(text), most)) for name, text in limits.items()},
        }


def _answer_recent_changes(rows: list[Json], params: Mapping[str, str]) -> Json:
    kinds = params.get("rctype", "edit|new|log|categorize").split("|")
    wanted = [
        row
        for row in _select_rows(rows, params, "rc")
        if row["type"] in kinds and _is_in_namespace(row, params, "rcnamespace")
    ]
    limit = int(params["rclimit"])
    resume = _continuation_key(wanted[limit], "rcid") if len(wanted) > limit else ""
    return _build_continuation("rccontinue", resume) | {"query": {"recentchanges": wanted[:limit]}}


def _answer_log_events(rows: list[Json], params: Mapping[str, str]) -> Json:
    limit = int(params["lelimit"])
    wanted = [
        row
        for row in _select_rows(rows, params, "le")
        if row["title"] == params.get("letitle", row["title"])
        and f"{row['type']}/{row['action']}" == params.get("leaction", f"{row['type']}/{row['action']}")
    ]
    resume = _continuation_key(wanted[limit], "logid") if len(wanted) > limit else ""
    return _build_continuation("lecontinue", resume) | {"query": {"logevents": wanted[:limit]}}


def _build_continuation(name: str, resume: str, *, by: str = "-||") -> Json:
    """Return the continuation; an empty object at the end of the list."""
    return {"continue": {name: resume, "continue": by}} if resume else {}


def _select_rows(rows: list[Json], params: Mapping[str, str], prefix: str) -> list[Json]:
    """Return the rows between two times, in the requested order, from the continuation on."""
    number = "rcid" if prefix == "rc" else "logid"
    newer = params.get(f"{prefix}dir", "older") == "newer"
    bounds = [_parse_time(params.get(f"{prefix}{end}")) for end in (("start", "end") if newer else ("end", "start"))]
    first, last = bounds[0] or 0, bounds[1] or 1 << 60
    found = [row for row in rows if first <= (_parse_time(row["timestamp"]) or 0) <= last]
    found.sort(key=lambda row: (row["timestamp"], row[number]), reverse=not newer)
    resume = params.get(f"{prefix}continue")
    start = (
        next((place for place, row in enumerate(found) if _continuation_key(row, number) == resume), 0) if resume else 0
    )
    return found[start:]


def _start_time(params: Mapping[str, str], prefix: str) -> int:
    """Return the time of the first requested row, milliseconds since the epoch."""
    newer = params.get(f"{prefix}dir", "older") == "newer"
    return _parse_time(params.get(f"{prefix}start" if newer else f"{prefix}end")) or 0


def _continuation_key(row: Json, number: str) -> str:
    digits = "".join(character for character in row["timestamp"] if character.isdigit())
    return f"{digits}|{row[number]}"


def _is_in_namespace(row: Json, params: Mapping[str, str], name: str) -> bool:
    return name not in params or str(row["ns"]) in params[name].split("|")


def _answer_all_pages(pages: list[ListedPage], params: Mapping[str, str]) -> Json:
    chosen, resume = _select_pages(pages, params, "ap")
    shown = [{"pageid": page.page_id, "ns": page.namespace, "title": page.title} for page in chosen]
    return _build_continuation("apcontinue", resume) | {"query": {"allpages": shown}}


def _answer_generator(pages: list[ListedPage], params: Mapping[str, str]) -> Json:
    chosen, resume = _select_pages(pages, params, "gap")
    body = _build_continuation("gapcontinue", resume, by="gapcontinue||")
    if not chosen:  # without pages, the response of a generator has no result
        return body
    rows = [_render_page(page, params) for page in sorted(chosen, key=lambda page: page.page_id)]
    return body | {"query": {"pages": rows}}


def _render_page(page: ListedPage, params: Mapping[str, str]) -> Json:
    """Return a page with the requested properties. Of a revision it has the ids and the time only."""
    asked = params.get("prop", "").split("|")
    shown = {"pageid": page.page_id, "ns": page.namespace, "title": page.title}
    if "info" in asked:
        shown |= _render_info(page)
    if "revisions" in asked:
        shown["revisions"] = [{"revid": page.revision, "parentid": page.parent, "timestamp": page.touched}]
    return shown


def _render_info(page: ListedPage) -> Json:
    shown = {
        "contentmodel": page.model,
        "pagelanguage": "en",
        "pagelanguagehtmlcode": "en",
        "pagelanguagedir": "ltr",
        "touched": page.touched,
        "lastrevid": page.revision,
        "length": page.size,
    }
    return shown | ({"redirect": True} if page.is_redirect else {}) | ({"new": True} if page.is_new else {})


def _select_pages(pages: list[ListedPage], params: Mapping[str, str], prefix: str) -> tuple[list[ListedPage], str]:
    """Return the pages of one namespace in the order of their titles, and the title to continue from."""
    namespace = int(params.get(f"{prefix}namespace", "0"))
    start = params.get(f"{prefix}continue") or params.get(f"{prefix}from", "").replace(" ", "_")
    found = sorted(_with_titles(pages, namespace))
    found = [(name, page) for name, page in found if name.encode() >= start.encode()]
    limit = int(params[f"{prefix}limit"])
    resume = found[limit][0] if len(found) > limit else ""
    return [page for _, page in found[:limit]], resume


def _with_titles(pages: list[ListedPage], namespace: int) -> Iterator[tuple[str, ListedPage]]:
    for page in pages:
        if page.namespace == namespace:
            title = page.title.partition(":")[2] if namespace else page.title
            yield title.replace(" ", "_"), page


def _parse_time(text: str | None) -> int | None:
    return parse_timestamp(text) if text else None
