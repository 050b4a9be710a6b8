"""URLs of Kafka topics: ``kafka://host:9093,other:9093/topic,second?group=my-job&start=earliest&end=latest``."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from wikistate.adapters.connectors.start_stop import Committed, format_bound, parse_end, parse_start
from wikistate.adapters.connectors.urls import parse_query, redact, split_url
from wikistate.errors import ConfigError

SOURCE_URL = "kafka://host:port[,host:port]/topic[,topic][?group=…&start=…&end=…]"
SINK_URL = "kafka://host:port[,host:port]/topic"

_OPTIONS = ("group", "start", "end")


class _Address(NamedTuple):
    """The parts of a URL of topics."""

    bootstrap_servers: str
    topics: list[str]
    query: str


def parse_source(text: str, *, key: str) -> dict[str, object]:
    """Return the options of the topics that a URL names. Raises `ConfigError`."""
    address = _split(text, key=key)
    query = parse_query(address.query, _OPTIONS, key=key)
    options: dict[str, object] = {
        "bootstrap_servers": address.bootstrap_servers,
        "topics": address.topics,
        "offsets_initializer": format_bound(parse_start(query.get("start", ""), key=f"{key}?start")),
    }
    end = parse_end(query.get("end", ""), key=f"{key}?end")
    if query.get("group"):
        options["consumer_group"] = query["group"]
    if end is not None:
        options["end"] = format_bound(end)
    return options


def parse_sink(text: str, *, key: str) -> dict[str, object]:
    """Return the options of the topic that a URL names. Raises `ConfigError`."""
    address = _split(text, key=key)
    query = parse_query(address.query, _OPTIONS, key=key)
    start = parse_start(query.get("start", ""), key=f"{key}?start")
    end = parse_end(query.get("end", ""), key=f"{key}?end")
    if len(address.topics) != 1 or query.get("group") or start != Committed() or end is not None:
        raise ConfigError(f"{key}: a sink takes one topic and no options, as in kafka://host:port/topic.")
    return {"bootstrap_servers": address.bootstrap_servers, "topic": address.topics[0]}


def _split(text: str, *, key: str) -> _Address:
    parts = split_url(text, key=key)
    topics = [unquote(topic) for topic in parts.path.removeprefix("/").split(",") if topic]
    if not parts.netloc or "@" in parts.netloc or not topics or "/" in parts.path[1:] or parts.fragment:
        raise ConfigError(
            f"{key} is {redact(text)!r}, which is not a valid address of Kafka topics.",
            hint=f"Write {SOURCE_URL}. Credentials belong into the properties.",
            key=key,
        )
    return _Address(parts.netloc, topics, parts.query)
