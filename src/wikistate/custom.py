"""Types of a custom enrichment, ``async def enrich(event, context)``.

::

    from wikistate.custom import Context, Event, Skip


    async def enrich(event: Event, context: Context) -> Event | Skip:
        if event["page"]["namespace_id"] != 0:
            return Skip("not an article")
        return await context.with_content(event)

``wikistate run custom --enrich my_module:enrich`` runs it, and `wikistate.testing.enrichment.run_enrichment` tests it.
"""

from wikistate.core.enrichment.content import Content, Slot
from wikistate.core.events.meta import Event
from wikistate.jobs.custom.context import Context, FetchError, Skip, WikiClient

__all__ = ["Content", "Context", "Event", "FetchError", "Skip", "Slot", "WikiClient"]
