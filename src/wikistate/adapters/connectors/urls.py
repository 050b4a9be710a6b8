"""The short way to say where events come from and go to: one text for one end.

::

    kafka://host:9093,other:9093/topic,second?group=my-job&start=earliest&end=latest
    file:events.ndjson.zst     or the path alone
    -                          standard input or standard output
    eventstreams:STREAM?since=TIME&end=TIME&base=https://host/v2/stream/          a source only
    recentchanges:https://my.wiki/w/api.php?since=TIME&end=TIME                   a source only
    parquet:FOLDER                                                                a sink only
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from wikistate.adapters.connectors.start_stop import Committed, parse_end, parse_since, parse_start, parse_until
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.adapters.connectors.start_stop import End, LatestAtStart, Moment, Start

ALLOWED_FORMS = "Write kafka://host:port[,host:port]/topic[,topic][?group=…&start=…&end=…], file:PATH, a path, or - ; for a source also eventstreams:STREAM or recentchanges:API_URL, for a sink parquet:FOLDER."

_KAFKA_OPTIONS = ("group", "start", "end")
_FEED_OPTIONS = ("since", "end")


@dataclass(frozen=True, slots=True)
class KafkaUrl:
    """Topics of one cluster.

    Attributes:
        bootstrap_servers: ``host:port``, several separated by commas.
        topics: One or more; a sink takes exactly one.
        group: The consumer group; empty where the job's name is meant. Of no use to a sink, as `start` and `end`.
        start: Where a source starts.
        end: Where it ends; None: never.
    """

    bootstrap_servers: str
    topics: tuple[str, ...]
    group: str = ""
    start: Start = Committed()  # noqa: RUF009  (a frozen value)
    end: End | None = None


@dataclass(frozen=True, slots=True)
class FileUrl:
    """A file; compressed when its name ends in ``.gz`` or ``.zst``."""

    path: str


@dataclass(frozen=True, slots=True)
class StandardStream:
    """Standard input of a source, standard output of a sink."""


@dataclass(frozen=True, slots=True)
class EventStreamsUrl:
    """Public streams, served as server-sent events.

    Attributes:
        streams: One or more names.
        base: The URL before the names; empty for Wikimedia's.
        since: Where it starts when nothing is committed; None for now.
        end: Where it ends; None: never.
    """

    streams: tuple[str, ...]
    base: str = ""
    since: Moment | None = None
    end: Moment | LatestAtStart | None = None


@dataclass(frozen=True, slots=True)
class RecentChangesUrl:
    """The recent changes of a wiki, by the URL of its Action API. `since` and `end` as in `EventStreamsUrl`."""

    api: str
    since: Moment | None = None
    end: Moment | LatestAtStart | None = None


@dataclass(frozen=True, slots=True)
class ParquetUrl:
    """A folder of Parquet files, which only a sink can be."""

    path: str


ConnectorUrl = KafkaUrl | FileUrl | StandardStream | EventStreamsUrl | RecentChangesUrl | ParquetUrl


def parse_url(text: str, *, key: str) -> ConnectorUrl:
    """What `text` names.

    Args:
        text: One of the forms that the module's docstring shows.
        key: The setting or option that holds it, for the error.

    Raises:
        ConfigError: It is of none of these forms; says which are.
    """
    if text == "-":
        return StandardStream()
    scheme, colon, rest = text.partition(":")
    match scheme:
        case "kafka" if colon:
            return _parse_kafka(text, key=key)
        case "file" | "parquet" if colon:
            path = _parse_path(rest, text, key=key)
            return FileUrl(path) if scheme == "file" else ParquetUrl(path)
        case "eventstreams" if colon:
            return _parse_event_streams(rest, text, key=key)
        case "recentchanges" if colon:
            return _parse_recent_changes(rest, text, key=key)
        case _ if "://" in text or not text:
            raise ConfigError(f"{key} is {text!r}, which names no source or sink.", hint=ALLOWED_FORMS, key=key)
        case _:
            return FileUrl(text)


def _parse_path(rest: str, text: str, *, key: str) -> str:
    # RFC 8089: `file:///abs` and `file://localhost/abs` beside `file:/abs`; a relative path is our extension.
    path = unquote(rest.removeprefix("//localhost")) if rest.startswith("//localhost/") else unquote(rest)
    if path.startswith("//") and not path.startswith("///"):
        raise ConfigError(
            f"{key} is {text!r}: a file of another host cannot be read.", hint="Write file:/path or file:path.", key=key
        )
    path = path.removeprefix("//")
    if not path:
        raise ConfigError(f"{key} is {text!r}, which names no file.", hint=ALLOWED_FORMS, key=key)
    return path


def _parse_kafka(text: str, *, key: str) -> KafkaUrl:
    parts = urlsplit(text)
    topics = tuple(unquote(topic) for topic in parts.path.removeprefix("/").split(",") if topic)
    if not parts.netloc or "@" in parts.netloc or not topics or "/" in parts.path[1:] or parts.fragment:
        raise ConfigError(
            f"{key} is {_redact(text)!r}, which is no address of Kafka topics.",
            hint=f"{ALLOWED_FORMS} Credentials belong into the properties.",
            key=key,
        )
    options = _parse_options(parts.query, _KAFKA_OPTIONS, key=key)
    return KafkaUrl(
        parts.netloc,
        topics,
        group=options.get("group", ""),
        start=parse_start(options.get("start", ""), key=f"{key}?start"),
        end=parse_end(options.get("end", ""), key=f"{key}?end"),
    )


def _parse_event_streams(rest: str, text: str, *, key: str) -> EventStreamsUrl:
    names, _, query = rest.partition("?")
    streams = tuple(unquote(name) for name in names.split(",") if name)
    if not streams or "/" in names:
        raise ConfigError(
            f"{key} is {text!r}, which names no stream.",
            hint="Write eventstreams:mediawiki.page_change.v1; another server goes into ?base=https://host/v2/stream/.",
            key=key,
        )
    options = _parse_options(query, (*_FEED_OPTIONS, "base"), key=key)
    return EventStreamsUrl(
        streams,
        base=options.get("base", ""),
        since=parse_since(options.get("since", ""), key=f"{key}?since"),
        end=parse_until(options.get("end", ""), key=f"{key}?end"),
    )


def _parse_recent_changes(rest: str, text: str, *, key: str) -> RecentChangesUrl:
    api, _, query = rest.partition("?")
    parts = urlsplit(api)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise ConfigError(
            f"{key} is {_redact(text)!r}, which names no Action API.",
            hint="Write recentchanges:https://my.wiki/w/api.php. Credentials belong under wikis, by the wiki's domain.",
            key=key,
        )
    options = _parse_options(query, _FEED_OPTIONS, key=key)
    return RecentChangesUrl(
        api,
        since=parse_since(options.get("since", ""), key=f"{key}?since"),
        end=parse_until(options.get("end", ""), key=f"{key}?end"),
    )


def _parse_options(query: str, allowed: tuple[str, ...], *, key: str) -> dict[str, str]:
    # A plus is a plus here: it belongs to a time zone and never stands for a space.
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    for name, _ in pairs:
        if name not in allowed:
            raise ConfigError(
                f"{key} has the option {name!r}, which does not exist.",
                hint=f"Allowed: {', '.join(allowed)}. Client properties belong into the configuration file.",
                key=f"{key}?{name}",
            )
    return dict(pairs)


def _redact(text: str) -> str:
    """The address without what stands before an ``@``, which may be a password."""
    scheme, _, rest = text.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
