"""Wiring of the triple store: the store of the settings, its freshness file and its IRIs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from wikistate.adapters.http.credentials import resolve_authentication
from wikistate.adapters.triplestore.endpoint import SparqlEndpoint
from wikistate.adapters.triplestore.endpoint_client import EndpointSettings
from wikistate.adapters.triplestore.freshness import FreshnessFile
from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.adapters.triplestore.query_service import EmbeddedQueries, EndpointQueries
from wikistate.adapters.triplestore.store import StoreAccess
from wikistate.core.rdf.diff import select_shared
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.terms import UnwritableError, format_iri
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.errors import ConfigError, StoreError
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.triplestore.query_service import QueryService
    from wikistate.adapters.triplestore.store import OutageRetry, TripleStore
    from wikistate.config.store import StoreSettings
    from wikistate.core.rdf.graph import Graph
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)


def is_http_location(location: str) -> bool:
    """Return whether the location of a store is an HTTP address; otherwise it is a folder."""
    return location.startswith(("http://", "https://"))


def check_location(settings: StoreSettings) -> None:
    """Raise `ConfigError` if the settings do not name the location of the store."""
    if not settings.location:
        raise ConfigError(
            "store.location is missing.",
            hint="Name the store: --store ./folder, or --store http://host/sparql.",
            key="store.location",
        )


def build_triple_store(
    settings: StoreSettings,
    meter: Meter,
    *,
    waits: bool = True,
    access: StoreAccess = StoreAccess.KEEP,
    timeout: float | None = None,
) -> TripleStore:
    """Build the store of the settings; it is not open yet.

    Args:
        settings: The settings of the store.
        meter: The meter of its outages.
        waits: Whether requests wait for a store that does not answer. Otherwise they raise `StoreError`.
        access: Use of the store.
        timeout: Seconds for each request to an endpoint; None for those of the settings.

    Raises:
        ConfigError: A setting of the store is missing or wrong.
    """
    check_location(settings)
    target = build_update_target(settings)
    if not is_http_location(settings.location):
        return OxigraphStore(Path(settings.location), target, access=access)
    on_outage = _OutageReporter(settings.location, meter) if waits else partial(_raise_outage, settings.location)
    endpoint = _build_endpoint_settings(settings)
    if timeout is not None:
        endpoint = replace(endpoint, request_timeout=timeout, connect_timeout=min(timeout, endpoint.connect_timeout))
    if not waits:
        endpoint = replace(endpoint, reconnect_limit=0.0)
    return SparqlEndpoint(endpoint, target, on_outage=on_outage, access=access)


def build_query_service(settings: StoreSettings, *, timeout: float) -> QueryService:
    """Build the service for the queries that users write; it is not open yet.

    Args:
        settings: The settings of the store.
        timeout: Seconds for a request to an endpoint.

    Raises:
        ConfigError: A setting of the store is missing or wrong.
    """
    check_location(settings)
    graph = _require_iri(settings.graph, key="store.graph") if settings.graph else ""
    if not is_http_location(settings.location):
        return EmbeddedQueries(Path(settings.location), graph=graph)
    return EndpointQueries(_with_timeout(_build_endpoint_settings(settings), timeout), graph=graph)


def build_freshness_file(settings: StoreSettings) -> FreshnessFile | None:
    """Return the file with the freshness of an embedded store; None for a SPARQL endpoint, which is queried instead.

    Raises:
        ConfigError: The settings do not name the location of the store.
    """
    check_location(settings)
    return None if is_http_location(settings.location) else FreshnessFile(Path(settings.location))


def build_update_target(settings: StoreSettings) -> UpdateTarget:
    """Return the form of queries and updates for the store.

    Raises:
        ConfigError: A concept base, or a subject of the freshness, is not valid.
    """
    return UpdateTarget(
        build_uris(settings),
        graph=_require_iri(settings.graph, key="store.graph") if settings.graph else None,
        deletes_orphans=settings.delete_orphans,
        more_freshness_subjects=tuple(
            _require_iri(subject, key="store.freshness_subjects") for subject in settings.freshness_subjects
        ),
    )


def _require_iri(text: str, *, key: str) -> str:
    if urlsplit(text).scheme:
        try:
            format_iri(text)
        except UnwritableError:
            pass  # the error below explains it
        else:
            return text
    raise ConfigError(
        f"{text!r:.300} in {key} is not an absolute IRI.",
        hint="Write it in full, as in http://www.wikidata.org.",
        key=key,
    )


def build_uris(settings: StoreSettings) -> Uris:
    """Return the IRIs of the store's entities.

    Raises:
        ConfigError: A concept base is not valid.
    """
    if settings.federated_concept_base:
        return Uris.for_federated(settings.concept_base, settings.federated_concept_base)
    return Uris.for_wikibase(settings.concept_base)


def build_shared_triples_filter(settings: StoreSettings) -> Callable[[Graph], Graph]:
    """Return a filter of the triples that several entities may share. It raises the same errors as `build_uris`."""
    return partial(select_shared, uris=build_uris(settings))


def _build_endpoint_settings(settings: StoreSettings) -> EndpointSettings:
    return EndpointSettings(
        update_url=settings.location,
        query_url=settings.query_url,
        credential=resolve_authentication(
            settings.authentication,
            urls=[url for url in (settings.location, settings.query_url) if url],
            key="store.authentication",
        ),
        ca_bundle=Path(settings.ca_bundle) if settings.ca_bundle else None,
        connect_timeout=settings.connect_timeout,
        request_timeout=settings.request_timeout,
        reconnect_limit=settings.reconnect_limit,
        max_retry_after=settings.max_retry_after,
    )


def _with_timeout(settings: EndpointSettings, seconds: float) -> EndpointSettings:
    return replace(settings, request_timeout=seconds, connect_timeout=min(seconds, settings.connect_timeout))


def _raise_outage(location: str, waiting: OutageRetry | None) -> None:
    if waiting is not None:
        raise StoreError(
            f"The store at {location} does not answer: {waiting.reason}",
            hint="Check store.location and store.query_url, and whether the store runs. `--timeout` is the longest wait for an answer.",
        )


class _OutageReporter:
    """Reporter of outages of a store: logs the start and the end of each outage once, and sets the gauge of the wait.

    Args:
        location: The location of the store, for the log.
        meter: The meter of the gauge.
    """

    def __init__(self, location: str, meter: Meter) -> None:
        self._location = location
        self._waiting_gauge = meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what="store")
        self._waiting = False

    def __call__(self, waiting: OutageRetry | None) -> None:
        if waiting is None:
            log.info("store_available", store=self._location)
        elif not self._waiting:
            log.warning("store_unavailable", store=self._location, reason=waiting.reason)
        self._waiting = waiting is not None
        self._waiting_gauge(float(self._waiting))
