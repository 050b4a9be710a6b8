"""Discovery of a Wikibase: the facts of the wiki complete the settings.

A setting that contradicts the wiki is an error, and the error names the right value.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pydantic import BaseModel
from yarl import URL

from wikistate.adapters.mediawiki.counted_http import build_http_client
from wikistate.adapters.mediawiki.discovery import find_api
from wikistate.adapters.mediawiki.wikibase_site import (
    WikibaseSite,
    check_concept_uri,
    check_namespaces,
    fetch_site,
)
from wikistate.adapters.mediawiki.wikis import is_wikimedia
from wikistate.config.paths import make_file_name, make_readable_name, state_home
from wikistate.errors import ConfigError
from wikistate.secret import mask_url
from wikistate.wiring.connectors import find_connector
from wikistate.wiring.entity_check import check_entities
from wikistate.wiring.identity import Identity, check_concept_base_owner, listed_domain, resolve_identity
from wikistate.wiring.stores import check_location, is_http_location
from wikistate.wiring.wikis import build_http_settings, build_query_client

if TYPE_CHECKING:
    from wikistate.adapters.http.client import HttpClient
    from wikistate.config.model import Configuration, StreamManager
    from wikistate.config.rdf import RdfSettings
    from wikistate.config.wikis import WikiSettings
    from wikistate.telemetry.meter import Meter

PRIVATE_INTERVAL, PUBLIC_INTERVAL = 1.0, 5.0
"""Seconds between two requests to a wiki without new changes: for your own wiki, and for a public wiki."""

_POLL_INTERVAL_KEY = "poll_interval"

Settings = TypeVar("Settings", bound=BaseModel)


class DiscoveredWikibase(NamedTuple):
    """A discovered wiki, and the settings that its facts complete.

    Attributes:
        configuration: The completed settings.
        site: The facts of the wiki about itself.
        api: URL of the Action API of the wiki.
        is_readable: Whether an entity of the wiki was read. False for a wiki without entities.
    """

    configuration: Configuration
    site: WikibaseSite
    api: str
    is_readable: bool


async def discover_wikibase(configuration: Configuration, meter: Meter | None = None) -> DiscoveredWikibase:
    """Query the wiki of the settings for its facts, and complete the settings.

    Args:
        configuration: The settings.
        meter: Records the requests to the Action API; None for no metrics.

    Raises:
        ConfigError: The settings name no wiki, or contradict it.
        WikiError: The wiki does not answer, is not a Wikibase, or its entities cannot be read.
    """
    check_location(configuration.store)
    http = build_http_client(build_http_settings(configuration), meter)
    await http.open()
    try:
        api = await _find_api_url(http, configuration)
        queries = build_query_client(configuration, api, meter)
        await queries.open()
        try:
            site = _with_identity(configuration, await fetch_site(queries, api=api, origins=http.origins), api)
            checked = await check_entities(configuration, site, queries, api, meter)
        finally:
            await queries.close()
    finally:
        await http.close()
    concept_uri = checked.concept_uri or site.concept_uri
    _check_settings(configuration, site, concept_uri)
    check_concept_base_owner(configuration, api, concept_uri)
    site = dataclasses.replace(site, entity_data=checked.entity_data)
    completed = _with_discovered(configuration, site, api, concept_uri)
    return DiscoveredWikibase(completed, site, api, checked.is_confirmed)


def _with_identity(configuration: Configuration, site: WikibaseSite, api: str) -> WikibaseSite:
    """Return the description of the wiki under the names that the settings give it.

    Raises:
        ConfigError: The wiki states another domain than `rdf.hostname`, or that of another wiki.
    """
    hostname = configuration.rdf.hostname
    if hostname and hostname != site.domain and not listed_domain(configuration, api):
        raise ConfigError(
            f"rdf.hostname is {hostname}, but the wiki reports the domain {site.domain!r:.200}.",
            hint=f"Remove rdf.hostname, which is read from the wiki, or set it to that domain. If the wiki reports a wrong one, "
            f"list it as well: wikis.{hostname}.api: {api}.",
            key="rdf.hostname",
        )
    stated = Identity(site.domain, site.wiki_id)
    found = resolve_identity(configuration, api, stated=stated, reads_one_wiki=True)
    pages = dataclasses.replace(site.pages, domain=found.domain)
    return dataclasses.replace(site, domain=found.domain, wiki_id=found.wiki_id, pages=pages)


async def _find_api_url(http: HttpClient, configuration: Configuration) -> str:
    source = configuration.stream_manager.source
    address = configuration.rdf.wikibase or (
        source.options.url if find_connector(source.connector).capabilities.wiki else ""
    )
    if not address:
        raise ConfigError(
            "rdf.wikibase is missing: it is the address of the wiki that the store follows.",
            hint="Pass the address: --wikibase https://my.wiki.",
            key="rdf.wikibase",
        )
    return await find_api(http, address)


def _check_settings(configuration: Configuration, site: WikibaseSite, concept_uri: str) -> None:
    rdf, store = configuration.rdf, configuration.store
    check_concept_uri(rdf.concept_base, actual=concept_uri)
    if "concept_base" in store.model_fields_set:
        check_concept_uri(store.concept_base, actual=concept_uri, key="store.concept_base")
    check_namespaces(rdf.entity_namespaces, site)
    check_namespaces(rdf.mediainfo_namespaces, site, key="rdf.mediainfo_namespaces")


def _with_discovered(configuration: Configuration, site: WikibaseSite, api: str, concept_uri: str) -> Configuration:
    rdf, store, local = configuration.rdf, configuration.store, configuration.local
    federated = rdf.federated_concept_base if rdf.scheme == "federated" else ""
    return _replace_settings(
        configuration,
        rdf=_replace_settings(_with_rdf_defaults(rdf, site, concept_uri), wikibase=api),
        store=_replace_settings(store, concept_base=concept_uri, federated_concept_base=federated),
        stream_manager=_with_stream_defaults(configuration, site, api),
        wikis=_under_event_domain(configuration, site, api),
        local=local if local.state else _replace_settings(local, state=_default_path(configuration, "state", site)),
    )


def _under_event_domain(configuration: Configuration, site: WikibaseSite, api: str) -> dict[str, WikiSettings]:
    """Return the settings of all wikis, those of this wiki under the domain of its events: `rdf.hostname`, if it is set."""
    wikis = dict(configuration.wikis)
    listed = listed_domain(configuration, api)
    if listed and site.domain not in wikis:
        wikis[site.domain] = wikis.pop(listed)
    return wikis


def _with_rdf_defaults(rdf: RdfSettings, site: WikibaseSite, concept_uri: str) -> RdfSettings:
    pages = site.pages
    return _replace_settings(
        rdf,
        hostname=site.domain,
        concept_base=concept_uri,
        entity_data=site.entity_data,
        entity_namespaces=rdf.entity_namespaces or sorted(pages.namespaces),
        mediainfo_namespaces=rdf.mediainfo_namespaces or sorted(pages.mediainfo_namespaces),
        content_models=sorted(pages.content_models),
        title_prefixes=list(pages.prefixes),
    )


def _with_stream_defaults(configuration: Configuration, site: WikibaseSite, api: str) -> StreamManager:
    manager = configuration.stream_manager
    source, sink = manager.source, manager.sink
    if find_connector(source.connector).capabilities.wiki:
        interval = PUBLIC_INTERVAL if is_wikimedia(URL(api).host or "") else PRIVATE_INTERVAL
        if _POLL_INTERVAL_KEY in source.options.model_fields_set:
            interval = source.options.poll_interval
        source = _replace_settings(source, options=_replace_settings(source.options, url=api, poll_interval=interval))
    if sink.connector == "file" and not sink.options.path:
        sink = _replace_settings(
            sink, options=_replace_settings(sink.options, path=_default_path(configuration, "ndjson", site))
        )
    return _replace_settings(manager, source=source, sink=sink)


def _default_path(configuration: Configuration, ending: str, site: WikibaseSite) -> str:
    """Return a path beside an embedded store; for a SPARQL endpoint, a path in `local.state` or the user's state folder."""
    location, state = configuration.store.location, configuration.local.state
    if not is_http_location(location):
        return f"{location.rstrip('/')}.{ending}"
    folder = Path(state) if state else state_home() / make_file_name(configuration.stream_manager.job_name)
    # A token in the URL of the store must not become a part of a file name.
    return str(folder / f"{make_readable_name(site.domain, mask_url(location))}.{ending}")


def _replace_settings(settings: Settings, **values: object) -> Settings:
    return settings.model_copy(update=values)
