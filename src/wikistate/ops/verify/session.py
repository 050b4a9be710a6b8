"""Session that verifies a store against its wiki, created from the configuration."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.mediawiki.page_info import PageInfoClient
from wikistate.adapters.triplestore.checks import check_form
from wikistate.adapters.triplestore.writer import completed_until
from wikistate.jobs.rdf_sync.store_index import StoreEntityIndex
from wikistate.ops.verify.sampling import sample
from wikistate.ops.verify.verifier import Verifier
from wikistate.wiring.rdf_updater import build_graph_loader
from wikistate.wiring.stores import build_triple_store, build_update_target, build_uris
from wikistate.wiring.wikibase import build_query_client, discover_wikibase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from wikistate.adapters.mediawiki.query_client import QueryClient
    from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite
    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import Meter


class VerificationSession(NamedTuple):
    """Store and wiki of a verification, both open."""

    verifier: Verifier
    queries: QueryClient
    site: WikibaseSite
    store_index: StoreEntityIndex

    async def sample(self, count: int, random: Random) -> list[str]:
        """Return a sample of entity ids. Raises a `WikistateError` when the store or the wiki refuses a query."""
        return await sample(self.queries, self.site, self.store_index, count, random)


@asynccontextmanager
async def open_verification_session(configuration: Configuration, meter: Meter) -> AsyncIterator[VerificationSession]:
    """Read the description of the wiki, and open the store and the clients.

    Raises:
        ConfigError: A setting is not valid, or contradicts the wiki.
        WikiError: The wiki does not answer, or is not a Wikibase.
        StoreError: The store does not answer, or holds entities in another form.
    """
    discovered = await discover_wikibase(configuration)
    configuration, settings = discovered.configuration, discovered.configuration.store
    uris, queries, store = (
        build_uris(settings),
        build_query_client(discovered.configuration, discovered.api),
        build_triple_store(settings, meter),
    )
    pages, graphs = (
        PageInfoClient(queries, discovered.site),
        build_graph_loader(configuration, meter, is_readable=discovered.is_readable),
    )
    async with AsyncExitStack() as opened:
        for part in (store, pages, graphs):
            opened.push_async_callback(part.close)
        contents = await store.open()
        check_form(contents.form)
        await pages.open()
        await graphs.open()
        # Freshness is stated during a full scan as well, when the store is not complete.
        complete = completed_until(contents.positions.values(), None)
        verifier = Verifier(store, build_update_target(settings), graphs, pages, completed_until=complete)
        yield VerificationSession(
            verifier, queries, discovered.site, StoreEntityIndex(store, uris, graph=settings.graph)
        )
