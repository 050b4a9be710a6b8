"""A small Wikibase and a store that rdf-sync keeps in step with it; a test has access to both."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from pyoxigraph import Quad, Store
from tests.e2e.commands import TIMEOUT, run_wikistate, start_command
from tests.e2e.enrichment_job import setting_arguments
from tests.support.oxigraph_server import build_application
from tests.support.processes import find_free_port

from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.uris import Uris
from wikistate.testing.wikibase.documents import serialize_triples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.e2e.commands import Command

    from wikistate.testing.wikibase import FakeWikibase, Repository

URIS = Uris.for_wikibase("http://wikibase.example")
FAST_POLLING = setting_arguments(
    stream_manager__source__options__poll_interval=0.2,
    local__checkpoint_interval=0.3,
    rdf__acceptable_lag=0,
    store__batch_seconds=0.05,
)
"""Settings with the short intervals that a test needs."""

SCAN_MESSAGE, IN_STEP_MESSAGE, COMPLETE_MESSAGE = "full_scan_started", "full_scan_skipped", "store_complete"


def munge_all(repository: Repository) -> Iterator[Quad]:
    """Yield the munged triples of all current entities of the wiki, each entity fetched alone."""
    for entity in repository.current_revisions:
        body = serialize_triples(repository.document(entity) or (), "ttl", repository.vocabulary)
        triples = parse_triples(body, base=f"https://wikibase.example/wiki/Special:EntityData/{entity}.ttl")
        yield from (Quad(*triple) for triple in munge(triples, entity, URIS))


def load_from_scratch(repository: Repository) -> set[str]:
    """Return the content of a store that is loaded with all current entities of the wiki."""
    store = Store()
    store.extend(munge_all(repository))
    return read_graph(store)


def read_graph(store: Store) -> set[str]:
    """Return the content of a store, without bookkeeping triples."""
    bookkeeping = ("<urn:wikistate:", f"<{URIS.root}>")
    return {str(quad) for quad in store if not str(quad.subject).startswith(bookkeeping)}


def read_folder(folder: Path) -> set[str]:
    """Return the content of the store in a folder, which is not open in any process."""
    return read_graph(Store(folder / "store"))


class SyncRun:
    """rdf-sync between a wiki and the folder ``store``.

    Args:
        wikibase: The wiki.
        folder: Folder of all files.
    """

    def __init__(self, wikibase: FakeWikibase, folder: Path) -> None:
        self.wikibase = wikibase
        self.repository = wikibase.repository
        self.folder = folder

    @asynccontextmanager
    async def start(self, *more: str, quick: bool = True) -> AsyncIterator[Command]:
        """Run the command during the block; kill it at the end if it still runs."""
        async with start_command(
            *self._arguments, *(FAST_POLLING if quick else ()), *more, folder=self.folder
        ) as command:
            yield command

    async def run_to_error(self, *more: str) -> str:
        """Run the command, which cannot work, and return its error message."""
        result = await run_wikistate(*self._arguments, *more, folder=self.folder)
        assert result.status in (2, 4), result.err
        assert "Traceback" not in result.err
        return result.err

    @property
    def _arguments(self) -> tuple[str, ...]:
        return ("run", "rdf-sync", "--no-progress", "--wikibase", self.wikibase.url, "--store", "store")

    async def wait_until_fresh(self, command: Command) -> None:
        """Wait until the store records that it holds all changes up to now."""
        last = self.repository.now()
        async with asyncio.timeout(TIMEOUT):
            while self.fresh_until() <= last + 1000:
                assert command.is_running, command.err
                await asyncio.sleep(0.05)

    async def assert_catches_up(self, command: Command) -> None:
        """Wait until the store records that it holds all changes up to now, and end the command."""
        await self.wait_until_fresh(command)
        result = await command.stop()
        assert result.status == 0, result.err

    def fresh_until(self) -> int:
        """Return the event time up to which the store is complete by its record, in milliseconds since the epoch."""
        freshness = self.folder / "store.freshness"
        return int(freshness.read_text()) if freshness.exists() else 0

    def assert_equals_wiki(self) -> None:
        """Assert that the store equals one that is loaded from scratch, triple for triple."""
        found, wanted = read_folder(self.folder), load_from_scratch(self.repository)
        extra, missing = sorted(found - wanted)[:10], sorted(wanted - found)[:10]
        assert not extra + missing, f"{extra=} {missing=}"


@asynccontextmanager
async def serve_endpoint(store: Store) -> AsyncIterator[str]:
    """Serve a store as a SPARQL endpoint, and yield its URL without the paths for updates and queries."""
    runner = web.AppRunner(build_application(store))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := find_free_port())
    await site.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def endpoint_settings(url: str) -> tuple[str, ...]:
    """Return the settings of a SPARQL endpoint as the store."""
    return "--store", f"{url}/update", "--set", f"store.query_url={url}/query"


async def wait_until(reached: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    while not reached():  # noqa: ASYNC110  (a store does not notify its readers)
        await asyncio.sleep(0.1)
