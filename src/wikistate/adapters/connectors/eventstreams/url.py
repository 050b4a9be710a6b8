"""URLs of public streams: ``eventstreams:STREAM,STREAM?since=TIME&end=TIME&base=https://host/v2/stream/``."""

from __future__ import annotations

from urllib.parse import unquote

from wikistate.adapters.connectors.urls import TIME_OPTIONS, parse_query, parse_times
from wikistate.errors import ConfigError

SCHEME = "eventstreams"
SOURCE_URL = "eventstreams:STREAM"


def parse(text: str, *, key: str) -> dict[str, object]:
    """Return the options of the streams that a URL names. Raises `ConfigError`."""
    names, _, query = text.removeprefix(f"{SCHEME}:").partition("?")
    streams = [unquote(name) for name in names.split(",") if name]
    if not streams or "/" in names:
        raise ConfigError(
            f"{key} is {text!r}, which names no stream.",
            hint="Write eventstreams:mediawiki.page_change.v1; another server goes into ?base=https://host/v2/stream/.",
            key=key,
        )
    options = parse_query(query, (*TIME_OPTIONS, "base"), key=key)
    base = {"url": options["base"]} if options.get("base") else {}
    return {"streams": streams, **parse_times(options, key=key), **base}
