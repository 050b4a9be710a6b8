"""Sources that arrive by themselves, resolved: what a runner needs to read a public stream or a wiki's recent changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import orjson

from wikistate.adapters.connectors.eventstreams import PUBLIC_BASE
from wikistate.adapters.connectors.recent_changes.queries import site_info
from wikistate.adapters.http.documents import DocumentReader
from wikistate.config.model import WikiSettings
from wikistate.config.paths import state_home
from wikistate.errors import ConfigError
from wikistate.wiring.wikis import build_http_settings, resolve_credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.http.client import HttpSettings
    from wikistate.adapters.mediawiki.credentials import Credential
    from wikistate.config.model import Configuration

_URL = "stream_manager.source.options.url"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStreamsEndpoint:
    """Streams of server-sent events. `since` and `end` as in the settings; `state` is the checkpoint's file.

    Attributes:
        single_topic: One topic is followed, of the sites that have the same changes: `topic`, or the first that comes.
    """

    base: str
    streams: tuple[str, ...]
    since: str
    end: str
    max_record_bytes: int
    http: HttpSettings
    state: Path
    single_topic: bool = False
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentChangesEndpoint:
    """The recent changes of a wiki, which events call `domain`. The rest as in `EventStreamsEndpoint` and the settings.

    `on_caught_up` is told the wiki's clock, milliseconds since the epoch, when all that had happened by then was read.
    """

    api: str
    domain: str
    since: str
    end: str
    interval: float
    overlap: float
    maxlag: int
    http: HttpSettings
    credential: Credential | None = field(repr=False)
    state: Path
    on_caught_up: Callable[[int], None] | None = field(default=None, repr=False, compare=False)


def resolve_event_streams(configuration: Configuration, stream: str) -> EventStreamsEndpoint:
    """What the settings say of a public stream.

    Args:
        configuration: All settings.
        stream: The name of the source's stream, which is read unless the settings name others.

    Raises:
        ConfigError: The base is no URL.
    """
    options = configuration.stream_manager.source.options
    base = options.url or PUBLIC_BASE
    _check_url(base, "https://stream.wikimedia.org/v2/stream/")
    return EventStreamsEndpoint(
        base=base if base.endswith("/") else f"{base}/",
        streams=tuple(options.streams) or (stream,),
        since=options.since,
        end=options.end,
        max_record_bytes=options.max_record_bytes,
        http=build_http_settings(configuration),
        state=resolve_state_file(configuration),
    )


def resolve_recent_changes(configuration: Configuration) -> RecentChangesEndpoint:
    """What the settings say of a wiki's recent changes.

    Raises:
        ConfigError: There is no such API, or a credential cannot be read.
    """
    options = configuration.stream_manager.source.options
    _check_url(options.url, "https://my.wiki/w/api.php")
    domain = _configured_domain(configuration, options.url)
    wiki = configuration.wikis.get(domain)
    return RecentChangesEndpoint(
        api=options.url,
        domain=domain,
        since=options.since,
        end=options.end,
        interval=options.poll_interval,
        overlap=options.overlap,
        maxlag=configuration.enrich.maxlag,
        http=build_http_settings(configuration),
        credential=resolve_credential(wiki, key=f"wikis.{domain}.credentials") if wiki else None,
        state=resolve_state_file(configuration),
    )


def allow_source_wiki(configuration: Configuration) -> Configuration:
    """The settings, with the wiki whose recent changes are read among those that may be asked: it was named by hand.

    Asks the wiki for its domain where the settings do not list it.

    Raises:
        ConfigError: The URL is not that of an Action API that everybody may read.
        ExternalError: The wiki does not answer.
    """
    source = configuration.stream_manager.source
    if source.connector != "recentchanges" or _configured_domain(configuration, source.options.url):
        return configuration
    _check_url(source.options.url, "https://my.wiki/w/api.php")
    domain = _fetch_domain(configuration, source.options.url)
    wikis = configuration.wikis | {domain: WikiSettings(api=source.options.url)}
    return configuration.model_copy(update={"wikis": wikis})


def resolve_state_file(configuration: Configuration) -> Path:
    """The checkpoint of a job."""
    if configuration.local.state:
        return Path(configuration.local.state) / "positions.sqlite"
    name = quote(configuration.stream_manager.job_name, safe=" ") or "job"
    return state_home() / name / "positions.sqlite"


def _configured_domain(configuration: Configuration, api: str) -> str:
    return next((domain for domain, wiki in configuration.wikis.items() if wiki.api == api), "")


def _fetch_domain(configuration: Configuration, api: str) -> str:
    question = {"action": "query", "format": "json", "formatversion": "2", **site_info()}
    content = DocumentReader(build_http_settings(configuration))(f"{api}?{urlencode(question)}")
    try:
        domain = orjson.loads(content or b"")["query"]["general"]["servername"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        domain = None
    if not isinstance(domain, str) or not domain:
        raise ConfigError(
            f"{api} does not answer as the Action API of a wiki that everybody may read: {(content or b'')[:200]!r}.",
            hint="Check the URL, which ends in api.php. A wiki that needs a login is listed under wikis, with its "
            "domain, this URL and its credentials.",
            key=_URL,
        )
    return domain


def _check_url(url: str, example: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise ConfigError(
            f"{_URL} is {url!r}, which is no http or https URL.", hint=f"For example: {example}", key=_URL
        )
