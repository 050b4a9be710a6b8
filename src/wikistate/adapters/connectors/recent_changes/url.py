"""URLs of the recent changes of a wiki: ``recentchanges:https://my.wiki/w/api.php?since=TIME&end=TIME``."""

from __future__ import annotations

from wikistate.adapters.connectors.urls import TIME_OPTIONS, parse_query, parse_times, redact, split_url
from wikistate.errors import ConfigError

SCHEME = "recentchanges"
SOURCE_URL = "recentchanges:API_URL"


def parse(text: str, *, key: str) -> dict[str, object]:
    """Return the options of the wiki that a URL names. Raises `ConfigError`."""
    api, _, query = text.removeprefix(f"{SCHEME}:").partition("?")
    parts = split_url(api, key=key)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise ConfigError(
            f"{key} is {redact(text)!r}, which names no Action API.",
            hint="Write recentchanges:https://my.wiki/w/api.php. Credentials belong under wikis, by the wiki's domain.",
            key=key,
        )
    return {"url": api, **parse_times(parse_query(query, TIME_OPTIONS, key=key), key=key)}
