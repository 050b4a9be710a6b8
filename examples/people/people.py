"""What people changed, with its content."""

from wikistate.custom import Context, Event, Skip


async def enrich(event: Event, context: Context) -> Event | Skip:
    """Leaves out what bots did."""
    if event.get("performer", {}).get("is_bot"):
        return Skip("bot")
    return await context.with_content(event)
