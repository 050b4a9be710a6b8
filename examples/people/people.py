"""Add the content of the page to each change that people made."""

from wikistate.custom import Context, Event, Skip


async def enrich(event: Event, context: Context) -> Event | Skip:
    """Drop changes by bots, add the content to all others."""
    if event.get("performer", {}).get("is_bot"):
        return Skip("bot")
    return await context.with_content(event)
