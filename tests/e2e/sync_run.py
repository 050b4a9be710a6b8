"""A small Wikibase and a store that rdf-sync keeps in step with it, each of them open to the test."""

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
"""As patient as a test is."""

SCAN_MESSAGE, IN_STEP_MESSAGE, COMPLETE_MESSAGE = "full_scan_started", "full_scan_skipped", "store_complete"


def munge_all(repository: Repository) -> Iterator[Quad]:
    """All that the wiki has now, munged, each entity fetched by itself."""
    for entity in repository.current_revisions:
        body = serialize_triples(repository.document(entity) or (), "ttl", repository.vocabulary)
        triples = parse_triples(body, base=f"https://wikibase.example/wiki/Special:EntityData/{entity}.ttl")
        yield from (Quad(*triple) for triple in munge(triples, entity, URIS))


def load_from_scratch(repository: Repository) -> set[str]:
    """What a store holds that is loaded with all that the wiki has now."""
    store = Store()
    store.extend(munge_all(repository))
    return read_graph(store)


def read_graph(store: Store) -> set[str]:
    """What a store holds, without what we note in it about itself."""
    books = ("<urn:wikistate:", f"<{URIS.root}>")
    return {str(quad) for quad in store if not str(quad.subject).startswith(books)}


def read_folder(folder: Path) -> set[str]:
    """What the store in a folder holds, which nobody has open."""
    return read_graph(Store(folder / "store"))


class SyncRun:
    """rdf-sync between a wiki and the folder ``store``.

    Args:
        wikibase: The wiki.
        folder: Where everything lies.
    """

    def __init__(self, wikibase: FakeWikibase, folder: Path) -> None:
        self.wikibase = wikibase
        self.repository = wikibase.repository
        self.folder = folder

    @asynccontextmanager
    async def start(self, *more: str, quick: bool = True) -> AsyncIterator[Command]:
        """The command meanwhile; what still runs at the end is killed."""
        async with start_command(
            *self._arguments, *(FAST_POLLING if quick else ()), *more, folder=self.folder
        ) as command:
            yield command

    async def run_to_error(self, *more: str) -> str:
        """Run the command, which cannot work; what it says to its user."""
        ended = await run_wikistate(*self._arguments, *more, folder=self.folder)
        assert ended.status in (2, 4), ended.err
        assert "Traceback" not in ended.err
        return ended.err

    @property
    def _arguments(self) -> tuple[str, ...]:
        return ("run", "rdf-sync", "--no-progress", "--wikibase", self.wikibase.url, "--store", "store")

    async def assert_catches_up(self, command: Command) -> None:
        """Wait until the store says that it has all that has happened by now, and end the command."""
        last = self.repository.now()
        async with asyncio.timeout(TIMEOUT):
            while self.fresh_until() <= last + 1000:
                assert command.is_running, command.err
                await asyncio.sleep(0.05)
        ended = await command.stop()
        assert ended.status == 0, ended.err

    def fresh_until(self) -> int:
        """Up to when the store is complete, by its own word; milliseconds since the epoch."""
        note = self.folder / "store.freshness"
        return int(note.read_text()) if note.exists() else 0

    def assert_equals_wiki(self) -> None:
        """The store holds what one loaded from scratch would hold, triple for triple."""
        found, wanted = read_folder(self.folder), load_from_scratch(self.repository)
        extra, missing = sorted(found - wanted)[:10], sorted(wanted - found)[:10]
        assert not extra + missing, f"{extra=} {missing=}"


@asynccontextmanager
async def serve_endpoint(store: Store) -> AsyncIterator[str]:
    """A SPARQL endpoint around a store; its URL without what follows for updates and queries."""
    runner = web.AppRunner(build_application(store))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := find_free_port())
    await site.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def endpoint_settings(url: str) -> tuple[str, ...]:
    """That it is an endpoint that is written."""
    return "--store", f"{url}/update", "--set", f"store.query_url={url}/query"


async def wait_until(happened: Callable[[], bool]) -> None:
    """Wait until it is so."""
    while not happened():  # noqa: ASYNC110  (a store says nothing by itself)
        await asyncio.sleep(0.1)
