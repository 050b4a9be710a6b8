"""From a configuration to what compares a store with its wiki."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.sparql.statements import Dialect
from wikistate.jobs.rdf_consumer.writer import newest
from wikistate.jobs.rdf_sync.holdings import StoreHoldings
from wikistate.jobs.rdf_sync.pages import WikiPages
from wikistate.jobs.rdf_sync.sampling import sample
from wikistate.jobs.rdf_sync.site import ask_wiki, query_client
from wikistate.jobs.rdf_sync.verifying import Verifier
from wikistate.jobs.rdf_updater.assembly import graphs_of
from wikistate.jobs.stores import check_form, triple_store, uris_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from wikistate.adapters.mediawiki.queries import QueryClient
    from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite
    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import Meter


class Verification(NamedTuple):
    """A store and its wiki, both open."""

    verifier: Verifier
    queries: QueryClient
    site: WikibaseSite
    holdings: StoreHoldings

    async def sample(self, count: int, random: Random) -> list[str]:
        """Which entities to look at. Raises a `WikistateError` when the store or the wiki refuses."""
        return await sample(self.queries, self.site, self.holdings, count, random)


@asynccontextmanager
async def verification(configuration: Configuration, meter: Meter) -> AsyncIterator[Verification]:
    """Asks the wiki what it is, and opens everything.

    Raises:
        ConfigError: A setting is wrong, or contradicts the wiki.
        WikiError: The wiki does not answer, or is no Wikibase.
        StoreError: The store does not answer, or holds entities in another form.
    """
    asked = await ask_wiki(configuration)
    configuration, settings = asked.configuration, asked.configuration.store
    uris, queries, store = (
        uris_of(settings),
        query_client(asked.configuration, asked.api),
        triple_store(settings, meter),
    )
    pages, graphs = WikiPages(queries, asked.site), graphs_of(configuration, meter)
    async with AsyncExitStack() as opened:
        for part in (store, pages, graphs):
            opened.push_async_callback(part.close)
        contents = await store.open()
        check_form(contents.form)
        await pages.open()
        await graphs.open()
        complete = newest(contents.positions.values(), None)  # how fresh a store is it says also during a walk
        verifier = Verifier(store, Dialect(uris, graph=settings.graph or None), graphs, pages, complete=complete)
        yield Verification(verifier, queries, asked.site, StoreHoldings(store, uris, graph=settings.graph))
