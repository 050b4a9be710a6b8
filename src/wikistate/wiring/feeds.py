"""The settings of sources that store their position in `local.state`: public streams and the recent changes of a wiki."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson
from yarl import URL

from wikistate.adapters.connectors.connector import SOURCE_OPTIONS
from wikistate.adapters.connectors.recent_changes.connector import EXAMPLE_API
from wikistate.adapters.connectors.recent_changes.queries import site_info
from wikistate.adapters.connectors.urls import require_http_url
from wikistate.adapters.crash_marker import CrashMarker
from wikistate.adapters.http.answers import clean_body, quote_first_line
from wikistate.adapters.http.documents import DocumentReader
from wikistate.adapters.mediawiki.format_version import describe_old_format, find_old_format
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.mediawiki.wikis import is_wikimedia
from wikistate.config.model import WikiSettings
from wikistate.config.paths import make_file_name, state_home
from wikistate.core.events.fields import FieldError, Fields
from wikistate.core.events.wiki_names import WikiNames
from wikistate.errors import ConfigError
from wikistate.wiring.connectors import find_connector
from wikistate.wiring.identity import Identity, listed_domain, other_wiki_ids, resolve_identity
from wikistate.wiring.wikis import build_http_settings, resolve_credential

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.adapters.http.client import HttpSettings
    from wikistate.adapters.mediawiki.credentials import Credential
    from wikistate.config.model import Configuration
    from wikistate.core.events.stream_config import StreamConfig
    from wikistate.telemetry.meter import Meter

_URL = f"{SOURCE_OPTIONS}.url"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredWiki:
    """The access to a wiki whose recent changes are read. See `WikiAccess` for the protocol.

    Attributes:
        api: The URL of its Action API.
        domain: The domain in events; empty for the domain that the wiki states.
        maxlag: Seconds of database lag above which the wiki refuses a request.
        http: The settings of requests.
        outage_limit: Seconds after which the failures of a wiki that has answered well before are final; None for no limit.
        credential: The login; None for a public wiki.
        wiki_id: The name of its database in events; empty for the name that the wiki states.
        other_wiki_ids: The names of the databases of other wikis.
        meter: Records the requests; None for no metrics.
    """

    api: str
    domain: str
    wiki_id: str = ""
    other_wiki_ids: frozenset[str] = frozenset()
    maxlag: int
    http: HttpSettings
    credential: Credential | None = field(repr=False)
    outage_limit: float | None = None
    meter: Meter | None = field(default=None, repr=False, compare=False)

    @property
    def names(self) -> WikiNames:
        """See `WikiAccess`."""
        return WikiNames(self.domain, self.wiki_id, self.other_wiki_ids)

    @property
    def is_own(self) -> bool:
        """See `WikiAccess`."""
        return not is_wikimedia(URL(self.api).host or "")

    def build_queries(self) -> QueryClient:
        """See `WikiAccess`."""
        return QueryClient(
            self.api,
            self.http,
            credential=self.credential,
            maxlag=self.maxlag,
            meter=self.meter,
            outage_limit=self.outage_limit,
        )


class ConfiguredSource:
    """The settings outside of its options that a source needs. See `SourceContext` for the protocol.

    Args:
        configuration: The settings.
        streams: The streams to read, unless the options name others.
        meter: Records the requests of the source; None for no metrics.
    """

    def __init__(
        self, configuration: Configuration, streams: Sequence[StreamConfig], meter: Meter | None = None
    ) -> None:
        self._configuration = configuration
        self._meter = meter
        self.streams = streams

    @property
    def job_name(self) -> str:
        """See `SourceContext`."""
        return self._configuration.stream_manager.job_name

    @property
    def http(self) -> HttpSettings:
        """See `SourceContext`."""
        return build_http_settings(self._configuration)

    @property
    def state_file(self) -> Path:
        """See `SourceContext`."""
        return resolve_state_file(self._configuration)

    def find_wiki(self, api: str) -> ConfiguredWiki:
        """See `SourceContext`. A wiki that is listed under `wikis` has a domain, and maybe a credential."""
        rdf = self._configuration.rdf
        domain = listed_domain(self._configuration, api) or (rdf.hostname if api == rdf.wikibase else "")
        wiki = self._configuration.wikis.get(domain)
        return ConfiguredWiki(
            api=api,
            domain=domain,
            wiki_id=wiki.wiki_id if wiki else "",
            other_wiki_ids=other_wiki_ids(self._configuration, domain),
            maxlag=self._configuration.enrich.maxlag,
            http=self.http,
            outage_limit=self._configuration.stream_manager.source.options.reconnect_limit,
            credential=resolve_credential(wiki, key=f"wikis.{domain}.credentials", http=self.http) if wiki else None,
            meter=self._meter,
        )


def allow_source_wiki(configuration: Configuration) -> Configuration:
    """Return the settings with the wiki whose recent changes are read among the allowed wikis: the operator named it.

    Requests the domain from the wiki if the settings do not list it.

    Raises:
        ConfigError: The URL is not the Action API of a public wiki, or the wiki calls itself another wiki of the settings.
        ExternalError: The wiki does not respond.
    """
    source = configuration.stream_manager.source
    if not find_connector(source.connector).capabilities.wiki or listed_domain(configuration, source.options.url):
        return configuration
    require_http_url(source.options.url, key=_URL, example=EXAMPLE_API)
    stated = Identity(_fetch_domain(configuration, source.options.url), "")
    domain = resolve_identity(configuration, source.options.url, stated=stated).domain
    wikis = configuration.wikis | {domain: WikiSettings(api=source.options.url)}
    return configuration.model_copy(update={"wikis": wikis})


def resolve_state_file(configuration: Configuration) -> Path:
    """Return the file for the position of the source of a job."""
    if configuration.local.state:
        return Path(configuration.local.state) / "positions.sqlite"
    return state_home() / make_file_name(configuration.stream_manager.job_name) / "positions.sqlite"


def build_crash_marker(configuration: Configuration, command: str = "") -> CrashMarker:
    """Build the marker of the documents that a job or a command parses, in a file beside the position of its source."""
    name = f"parsing.{command}" if command else "parsing"
    return CrashMarker(resolve_state_file(configuration).with_name(name))


def _fetch_domain(configuration: Configuration, api: str) -> str:
    parameters = {"action": "query", "format": "json", "formatversion": "2", **site_info()}
    found = DocumentReader(build_http_settings(configuration))(f"{api}?{urlencode(parameters)}")
    content = clean_body(found or b"", api)
    try:
        document = Fields(orjson.loads(content))
        domain = document.fields("query").fields("general").text("servername")
    except (orjson.JSONDecodeError, FieldError):
        domain = ""
    else:
        if sign := find_old_format(document.values):
            raise ConfigError(f"{describe_old_format(api, sign)}.", key=_URL)
    if not domain:
        raise ConfigError(
            f"{api} does not respond as the Action API of a public wiki, but with {quote_first_line(content)}.",
            hint="Check the URL, which ends in api.php. List a wiki that needs a login under wikis, with its domain, this "
            "URL and its credentials.",
            key=_URL,
        )
    return domain
