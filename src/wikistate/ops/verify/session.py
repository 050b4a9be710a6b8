"""Session that verifies a store against its wiki, created from the configuration."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.mediawiki.page_info import PageInfoClient
from wikistate.adapters.triplestore.checks import check_form
from wikistate.adapters.triplestore.store import StoreAccess
from wikistate.adapters.triplestore.writer import completed_until
from wikistate.config.enrich import WhenRefused
from wikistate.errors import ConfigError
from wikistate.jobs.rdf_sync.store_index import StoreEntityIndex
from wikistate.ops.store_access import find_concept_base
from wikistate.ops.verify.sampling import LIST_LIMIT, Sampler
from wikistate.ops.verify.verifier import DEFAULT_PATIENCE, Verifier
from wikistate.wiring.rdf_updater import build_graph_loader
from wikistate.wiring.stores import build_triple_store, build_update_target, build_uris, is_http_location
from wikistate.wiring.wikibase import discover_wikibase
from wikistate.wiring.wikis import build_query_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.config.model import Configuration
    from wikistate.config.store import StoreSettings
    from wikistate.telemetry.meter import Meter


class VerificationSession(NamedTuple):
    """Store and wiki of a verification, both open.

    Attributes:
        verifier: Verifier of single entities.
        sampler: Sampler of the entities to verify.
        can_change: Whether the store may change during the verification: an embedded store is read as it was at the start.
        completed_until: Time up to which the store states that it is complete, milliseconds since the epoch; 0 if it is unknown.
    """

    verifier: Verifier
    sampler: Sampler
    can_change: bool
    completed_until: int


@asynccontextmanager
async def open_verification_session(
    configuration: Configuration,
    meter: Meter,
    *,
    random: Random,
    patience: float = DEFAULT_PATIENCE,
    list_limit: int = LIST_LIMIT,
    repairs: bool = False,
) -> AsyncIterator[VerificationSession]:
    """Read the description of the wiki, and open the store and the clients.

    Args:
        configuration: The settings.
        meter: The meter of the requests.
        random: Source of the random numbers of samples.
        patience: See `Verifier`.
        list_limit: See `Sampler`.
        repairs: Whether the store is changed. Otherwise another process may write to it meanwhile.

    Raises:
        ConfigError: A setting is not valid, or contradicts the wiki; or the store holds the entities of another wiki.
        WikiError: The wiki does not answer, or is not a Wikibase.
        StoreError: The store does not answer the first request, or holds entities in another form.
    """
    discovered = await discover_wikibase(configuration)
    configuration, settings = discovered.configuration, discovered.configuration.store
    uris, queries, store = (
        build_uris(settings),
        build_query_client(discovered.configuration, discovered.api),
        build_triple_store(settings, meter, waits=False, access=StoreAccess.WRITE if repairs else StoreAccess.READ),
    )
    pages, graphs = (
        PageInfoClient(queries, discovered.site),
        build_graph_loader(_without_waits(configuration), meter, is_readable=discovered.is_readable, command="verify"),
    )
    async with AsyncExitStack() as opened:
        for part in (store, pages, graphs):
            opened.push_async_callback(part.close)
        contents = await store.open()
        check_form(contents.form)
        await _check_concept_base(store, settings)
        await pages.open()
        await graphs.open()
        # Freshness is stated during a full scan as well, when the store is not complete.
        complete = completed_until(contents.positions.values(), None)
        verifier = Verifier(
            store, build_update_target(settings), graphs, pages, completed_until=complete, patience=patience
        )
        index = StoreEntityIndex(store, uris, graph=settings.graph)
        sampler = Sampler(queries, discovered.site, pages, index, random, list_limit=list_limit)
        yield VerificationSession(
            verifier, sampler, can_change=is_http_location(settings.location), completed_until=complete
        )


async def _check_concept_base(store: TripleStore, settings: StoreSettings) -> None:
    """Check that the store holds the entities of the wiki: those of another one would all be missing, and extra."""
    if found := await find_concept_base(store, settings):
        raise ConfigError(
            f"The entities in the store at {settings.location} have the concept base {found}, and those of the wiki have "
            f"{settings.concept_base}.",
            hint="Compare the store with the wiki that it was filled from: correct store.location or --wikibase.",
            key="store.location",
        )


def _without_waits(configuration: Configuration) -> Configuration:
    """Return the settings with which entities of a wiki that refuses every request are not waited for."""
    breaker = configuration.enrich.circuit_breaker.model_copy(update={"when_open": WhenRefused.ERROR})
    enrich = configuration.enrich.model_copy(update={"circuit_breaker": breaker})
    return configuration.model_copy(update={"enrich": enrich})
