"""The entry points of a wiki: ``api.php`` and ``index.php``. Pure: parameters in, a reply out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.testing.wiki import replies
from wikistate.testing.wiki.query import Limits, Query
from wikistate.testing.wiki.replies import ApiRefusal, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from wikistate.testing.pages import Wiki
    from wikistate.testing.wiki.worlds import World

PREFIXES = ("eqiad.", "codfw.")
PAGE_KEYS = {"wiki_id": "wiki_id", "page_id": "page.page_id"}


def stream_settings(
    name: str, title: str, *, keys: Mapping[str, str] | None = None, canaries: bool = False
) -> dict[str, Any]:
    """The settings of one stream as ``action=streamconfigs`` shows them ("Extension:EventStreamConfig")."""
    settings: dict[str, Any] = {
        "stream": name,
        "schema_title": title,
        "topic_prefixes": list(PREFIXES),
        "topics": [f"{prefix}{name}" for prefix in PREFIXES],
        "destination_event_service": "eventgate-main",
        "canary_events_enabled": canaries,
    }
    return settings | {"message_key_fields": dict(keys)} if keys else settings


STREAMS: dict[str, dict[str, Any]] = {
    name: stream_settings(name, "mediawiki/page/change", keys=PAGE_KEYS, canaries=canaries)
    for name, canaries in (
        ("mediawiki.page_change.v1", True),
        ("mediawiki.page_content_change.v1", True),
        ("mediawiki.content_history_reconcile.v1", False),
        ("mediawiki.content_history_reconcile_enriched.v1", False),
    )
} | {
    name: stream_settings(name, "error")
    for name in ("mw_page_content_change_enrich.error", "mw_content_history_reconcile_enrich.error")
}
"""The streams of the enrichment jobs."""


class ActionApi:
    """The Action API of a farm of wikis.

    Args:
        world: What the wikis know.
        limits: What they allow.
        streams: The stream configuration that they hand out.
    """

    def __init__(self, world: World, *, limits: Limits | None = None, streams: Mapping[str, Any] = STREAMS) -> None:
        self._world = world
        self._limits = limits or Limits()
        self._streams = streams

    def api(
        self, wiki: Wiki, params: Mapping[str, str], *, hidden: AbstractSet[int] = frozenset(), lag: float = 0.0
    ) -> Reply:
        """``api.php``.

        Args:
            wiki: The wiki that is asked.
            params: Query and form together.
            hidden: Revisions that this request does not see.
            lag: Seconds that the replicas lag behind.
        """
        if params.get("format") != "json":
            return replies.page("<!DOCTYPE html><title>MediaWiki API result</title><p>This is the HTML representation.")
        try:
            _check_lag(params, lag)
            return self._action(params.get("action", "help"))(wiki, params, hidden)
        except ApiRefusal as refusal:
            return replies.refused(refusal, domain=wiki.domain, error_format=params.get("errorformat", "bc"))

    def raw(self, wiki: Wiki, params: Mapping[str, str]) -> Reply:
        """``index.php?action=raw&oldid=…``: one slot's text and nothing else."""
        rev_id = params.get("oldid", "")
        found = self._world.find(wiki, int(rev_id)) if rev_id.isdecimal() else None
        if params.get("action") != "raw" or found is None or not found[1].visibility.content:
            return replies.page("<!DOCTYPE html><title>Not found</title>", status=404)
        role = params.get("slot", "main")
        part = next((part for part in found[1].slots if part.role == role and part.flaw is None), None)
        if part is None:
            return replies.page("", status=404)
        return replies.page(part.text, content_type=f"{part.format}; charset=UTF-8")

    def _action(self, name: str) -> Callable[[Wiki, Mapping[str, str], AbstractSet[int]], Reply]:
        match name:
            case "query":
                return self._query
            case "streamconfigs":
                return self._stream_configs
            case "help":
                return lambda *_: replies.page("<!DOCTYPE html><title>MediaWiki API help</title>")
            case _:
                raise ApiRefusal("badvalue", f'Unrecognized value for parameter "action": {name}.')

    def _query(self, wiki: Wiki, params: Mapping[str, str], hidden: AbstractSet[int]) -> Reply:
        if params.get("formatversion") not in {"2", "latest"}:
            raise ApiRefusal("small-wiki-formatversion", "This small wiki speaks formatversion=2 and nothing else.")
        return Query(self._world, wiki, params, limits=self._limits, hidden=hidden).answer()

    def _stream_configs(self, wiki: Wiki, params: Mapping[str, str], hidden: AbstractSet[int]) -> Reply:
        del wiki, hidden
        names = params["streams"].split("|") if params.get("streams") else list(self._streams)
        return replies.document({"streams": {name: self._streams[name] for name in names if name in self._streams}})


def _check_lag(params: Mapping[str, str], lag: float) -> None:
    limit = params.get("maxlag", "")
    if limit.lstrip("-").isdecimal() and lag > int(limit):
        raise replies.lagged(lag, int(limit))
