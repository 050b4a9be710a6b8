"""content-history-reconcile: events about revisions of any age in; out, with content, and with what their pages are now.

Everything is as in page-content-change, but that the page comes with the revision: whether it is a redirect by its
current revision, and where it leads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.mediawiki.past_revisions import PastRevisionClient
from wikistate.core.enrichment.content import with_content
from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.page_state import with_page_state
from wikistate.core.enrichment.plan import plan_fetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.mediawiki.past_revisions import PastRevision
    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.adapters.mediawiki.wikis import Wiki
    from wikistate.core.enrichment.plan import Plan
    from wikistate.core.enrichment.retry import Fail
    from wikistate.core.events.meta import Event

NAME = "content-history-reconcile"

DEFAULTS = {
    "stream_manager": {
        "job_name": NAME,
        "source": {"stream": "mediawiki.content_history_reconcile.v1:1.7.0"},
        "sink": {"stream": "mediawiki.content_history_reconcile_enriched.v1:1.7.0"},
        "error_sink": {"stream": "mw_content_history_reconcile_enrich.error:2.1.0"},
    }
}
"""Settings that hold for this job unless the operator says otherwise."""


class HistoricalContent:
    """The content of each event's revision, and its page's state; see `wikistate.jobs.enrichment.Enrichment`.

    Args:
        client: Asks the wikis.
        max_content_size: Bytes that the slots of a revision may have together.
    """

    def __init__(self, client: RevisionClient, *, max_content_size: int) -> None:
        self._history = PastRevisionClient(client)
        self._max_content_size = max_content_size

    def plan(self, event: Event) -> Plan:
        """See `Enrichment`. The page of a revision whose content is hidden may be a redirect like any other."""
        return plan_fetch(event, include_hidden=True)

    def fetch(
        self, wiki: Wiki, rev_id: int, *, event_time: float | None, on_done: Callable[[PastRevision | Fail], None]
    ) -> None:
        """See `Enrichment`."""
        self._history.fetch(wiki, rev_id, event_time=event_time, on_done=on_done)

    def with_answer(self, event: Event, answer: PastRevision) -> Event | Failure:
        """See `Enrichment`. What the event says is hidden stays so, even if the wiki shows it to us."""
        hidden = event["revision"].get("is_content_visible") is False
        content = answer.content._replace(hidden=True) if hidden else answer.content
        enriched = with_content(event, content, max_content_size=self._max_content_size, with_format=True)
        return enriched if isinstance(enriched, Failure) else with_page_state(enriched, answer.page)
