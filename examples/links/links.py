"""Links of pages: one event for each page that a new revision of an article links to."""

import re
from collections import Counter

from wikistate.custom import Context, Event, Skip

LINK = re.compile(r"\[\[([^][|#<>{}\n]+)")


async def enrich(event: Event, context: Context) -> list[Event] | Skip:
    """Count the links of the revision by target page, and return an event for each of the most frequent targets."""
    content = await context.revision(event)
    main = content.slots.get("main")
    if main is None or main.body is None:
        return Skip("content hidden")
    if main.model != "wikitext":
        return Skip("no wikitext")
    targets = Counter(target.strip().replace(" ", "_") for target in LINK.findall(main.body))
    context.metrics.count("links", targets.total())
    return [_link(event, target, links) for target, links in targets.most_common(context.settings["most"])]


def _link(event: Event, target: str, links: int) -> Event:
    return {
        "dt": event["dt"],
        "wiki_id": event["wiki_id"],
        "page_id": event["page"]["page_id"],
        "page_title": event["page"]["page_title"],
        "rev_id": event["revision"]["rev_id"],
        "target_title": target,
        "links": links,
    }
