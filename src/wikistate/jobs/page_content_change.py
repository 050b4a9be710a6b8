"""page-content-change: add the content of the revision to page changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.enrichment.content import with_content
from wikistate.core.enrichment.plan import plan_fetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.adapters.mediawiki.wikis import Wiki
    from wikistate.core.enrichment.content import Content
    from wikistate.core.enrichment.failures import Failure
    from wikistate.core.enrichment.plan import Plan
    from wikistate.core.enrichment.retry import Fail
    from wikistate.core.events.meta import Event

NAME = "page-content-change"

DEFAULTS = {
    "stream_manager": {
        "job_name": NAME,
        "source": {"stream": "mediawiki.page_change.v1:1.7.0"},
        "sink": {"stream": "mediawiki.page_content_change.v1:1.7.0"},
        "error_sink": {"stream": "mw_page_content_change_enrich.error:2.1.0"},
    }
}
"""Default settings of this job."""


class PageContent:
    """Enrichment with the content of a revision; see `wikistate.jobs.enrichment.Enrichment`.

    Args:
        client: Fetches revisions.
        max_content_size: Largest size of all slots of a revision together, in bytes.
    """

    def __init__(self, client: RevisionClient, *, max_content_size: int) -> None:
        self._client = client
        self._max_content_size = max_content_size

    def plan(self, event: Event) -> Plan:
        """See `Enrichment`."""
        return plan_fetch(event)

    def fetch(
        self, wiki: Wiki, rev_id: int, *, event_time: float | None, on_done: Callable[[Content | Fail], None]
    ) -> None:
        """See `Enrichment`."""
        self._client.fetch(wiki, rev_id, event_time=event_time, on_done=on_done)

    def with_answer(self, event: Event, answer: Content) -> Event | Failure:
        """See `Enrichment`."""
        return with_content(event, answer, max_content_size=self._max_content_size)
