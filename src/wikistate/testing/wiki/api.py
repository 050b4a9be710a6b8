"""The entry points of a wiki: ``api.php`` and ``index.php``. Pure: parameters in, a response out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.testing.wiki import responses
from wikistate.testing.wiki.query import Limits, Query
from wikistate.testing.wiki.responses import ApiUsageError, WikiResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from wikistate.demo.pages import Wiki
    from wikistate.testing.wiki.datasets import Dataset

PREFIXES = ("eqiad.", "codfw.")
PAGE_KEYS = {"wiki_id": "wiki_id", "page_id": "page.page_id"}


def build_stream_settings(
    name: str, title: str, *, keys: Mapping[str, str] | None = None, canaries: bool = False
) -> dict[str, Any]:
    """Return the settings of a stream in the form of ``action=streamconfigs`` ("Extension:EventStreamConfig")."""
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
    name: build_stream_settings(name, "mediawiki/page/change", keys=PAGE_KEYS, canaries=canaries)
    for name, canaries in (
        ("mediawiki.page_change.v1", True),
        ("mediawiki.page_content_change.v1", True),
        ("mediawiki.content_history_reconcile.v1", False),
        ("mediawiki.content_history_reconcile_enriched.v1", False),
    )
} | {
    name: build_stream_settings(name, "error")
    for name in ("mw_page_content_change_enrich.error", "mw_content_history_reconcile_enrich.error")
}
"""Streams of the enrichment jobs."""


class ActionApi:
    """Action API of a farm of wikis.

    Args:
        dataset: Data of the wikis.
        limits: Limits of the wikis.
        streams: Stream configuration that the wikis return.
    """

    def __init__(self, dataset: Dataset, *, limits: Limits | None = None, streams: Mapping[str, Any] = STREAMS) -> None:
        self._dataset = dataset
        self._limits = limits or Limits()
        self._streams = streams

    def handle_api(
        self, wiki: Wiki, params: Mapping[str, str], *, hidden: AbstractSet[int] = frozenset(), lag: float = 0.0
    ) -> WikiResponse:
        """Return the response of ``api.php``.

        Args:
            wiki: The requested wiki.
            params: Parameters of the query and of the form.
            hidden: Revisions that are missing for this request.
            lag: Replica lag in seconds.
        """
        if params.get("format") != "json":
            return responses.make_html(
                "<!DOCTYPE html><title>MediaWiki API result</title><p>This is the HTML representation."
            )
        try:
            _check_maxlag(params, lag)
            return self._find_action(params.get("action", "help"))(wiki, params, hidden)
        except ApiUsageError as refusal:
            return responses.make_error(refusal, domain=wiki.domain, error_format=params.get("errorformat", "bc"))

    def handle_raw(self, wiki: Wiki, params: Mapping[str, str]) -> WikiResponse:
        """Return the response of ``index.php?action=raw&oldid=…``: the text of one slot."""
        rev_id = params.get("oldid", "")
        found = self._dataset.find_revision(wiki, int(rev_id)) if rev_id.isdecimal() else None
        if params.get("action") != "raw" or found is None or not found[1].visibility.content:
            return responses.make_html("<!DOCTYPE html><title>Not found</title>", status=404)
        role = params.get("slot", "main")
        part = next((part for part in found[1].slots if part.role == role and part.flaw is None), None)
        if part is None:
            return responses.make_html("", status=404)
        return responses.make_html(part.text, content_type=f"{part.format}; charset=UTF-8")

    def _find_action(self, name: str) -> Callable[[Wiki, Mapping[str, str], AbstractSet[int]], WikiResponse]:
        match name:
            case "query":
                return self._query
            case "streamconfigs":
                return self._stream_configs
            case "help":
                return lambda *_: responses.make_html("<!DOCTYPE html><title>MediaWiki API help</title>")
            case _:
                raise ApiUsageError("badvalue", f'Unrecognized value for parameter "action": {name}.')

    def _query(self, wiki: Wiki, params: Mapping[str, str], hidden: AbstractSet[int]) -> WikiResponse:
        if params.get("formatversion") not in {"2", "latest"}:
            raise ApiUsageError("small-wiki-formatversion", "This fake wiki supports formatversion=2 only.")
        return Query(self._dataset, wiki, params, limits=self._limits, hidden=hidden).execute()

    def _stream_configs(self, wiki: Wiki, params: Mapping[str, str], hidden: AbstractSet[int]) -> WikiResponse:
        del wiki, hidden
        names = params["streams"].split("|") if params.get("streams") else list(self._streams)
        return responses.make_json({"streams": {name: self._streams[name] for name in names if name in self._streams}})


def _check_maxlag(params: Mapping[str, str], lag: float) -> None:
    limit = params.get("maxlag", "")
    if limit.lstrip("-").isdecimal() and lag > int(limit):
        raise responses.make_maxlag_error(lag, int(limit))
