"""content-history-reconcile: add content and the current state of the page to events about revisions of any age.

It works like page-content-change, except that it also fetches the page of the revision: whether the current revision is a
redirect, and its target.
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
"""Default settings of this job."""


class HistoricalContent:
    """Enrichment with the content of a revision and the state of its page; see `wikistate.jobs.enrichment.Enrichment`.

    Args:
        client: Fetches revisions.
        max_content_size: Largest size of all slots of a revision together, in bytes.
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
        """See `Enrichment`. Content that the event calls hidden stays hidden, even if the wiki shows it to this client."""
        hidden = event["revision"].get("is_content_visible") is False
        content = answer.content._replace(hidden=True) if hidden else answer.content
        enriched = with_content(event, content, max_content_size=self._max_content_size, with_format=True)
        return enriched if isinstance(enriched, Failure) else with_page_state(enriched, answer.page)
