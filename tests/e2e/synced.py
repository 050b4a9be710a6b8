"""A small Wikibase and a store that rdf-sync keeps in step with it, each of them open to the test."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from pyoxigraph import Quad, Store
from tests.e2e.commands import PATIENCE, started, wikistate
from tests.e2e.support import settings

from wikistate.core.rdf.munging import munge
from wikistate.core.rdf.parsing import read_triples
from wikistate.core.rdf.uris import Uris
from wikistate.testing.oxigraph_server import application
from wikistate.testing.processes import free_port
from wikistate.testing.wikibase.documents import serialized

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.e2e.commands import Command

    from wikistate.testing.wikibase import FakeWikibase, Repository

URIS = Uris.wikibase("http://wikibase.example")
QUICK = settings(
    stream_manager__source__options__poll_interval=0.2,
    local__checkpoint_interval=0.3,
    rdf__acceptable_lag=0,
    store__batch_seconds=0.05,
)
"""As patient as a test is."""

WALKING, IN_STEP, COMPLETE = "full_scan_started", "full_scan_skipped", "store_complete"


def quads(repository: Repository) -> Iterator[Quad]:
    """All that the wiki has now, munged, each entity fetched by itself."""
    for entity in repository.current:
        body = serialized(repository.document(entity) or (), "ttl", repository.vocabulary)
        triples = read_triples(body, base=f"https://wikibase.example/wiki/Special:EntityData/{entity}.ttl")
        yield from (Quad(*triple) for triple in munge(triples, entity, URIS))


def from_scratch(repository: Repository) -> set[str]:
    """What a store holds that is loaded with all that the wiki has now."""
    store = Store()
    store.extend(quads(repository))
    return held(store)


def held(store: Store) -> set[str]:
    """What a store holds, without what we note in it about itself."""
    books = ("<urn:wikistate:", f"<{URIS.root}>")
    return {str(quad) for quad in store if not str(quad.subject).startswith(books)}


def in_folder(folder: Path) -> set[str]:
    """What the store in a folder holds, which nobody has open."""
    return held(Store(folder / "store"))


class Synced:
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
    async def running(self, *more: str, quick: bool = True) -> AsyncIterator[Command]:
        """The command meanwhile; what still runs at the end is killed."""
        async with started(*self._words, *(QUICK if quick else ()), *more, folder=self.folder) as command:
            yield command

    async def refused(self, *more: str) -> str:
        """Run the command, which cannot work; what it says to its user."""
        ended = await wikistate(*self._words, *more, folder=self.folder)
        assert ended.status in (2, 4), ended.err
        assert "Traceback" not in ended.err
        return ended.err

    @property
    def _words(self) -> tuple[str, ...]:
        return ("run", "rdf-sync", "--no-progress", "--wikibase", self.wikibase.url, "--store", "store")

    async def caught_up(self, command: Command) -> None:
        """Wait until the store says that it has all that has happened by now, and end the command."""
        last = self.repository.now()
        async with asyncio.timeout(PATIENCE):
            while self.fresh_until() <= last + 1000:
                assert command.running, command.err
                await asyncio.sleep(0.05)
        ended = await command.stop()
        assert ended.status == 0, ended.err

    def fresh_until(self) -> int:
        """Up to when the store is complete, by its own word; milliseconds since the epoch."""
        note = self.folder / "store.freshness"
        return int(note.read_text()) if note.exists() else 0

    def assert_in_step(self) -> None:
        """The store holds what one loaded from scratch would hold, triple for triple."""
        found, wanted = in_folder(self.folder), from_scratch(self.repository)
        extra, missing = sorted(found - wanted)[:10], sorted(wanted - found)[:10]
        assert not extra + missing, f"{extra=} {missing=}"


@asynccontextmanager
async def endpoint(store: Store) -> AsyncIterator[str]:
    """A SPARQL endpoint around a store; its URL without what follows for updates and queries."""
    runner = web.AppRunner(application(store))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def into(url: str) -> tuple[str, ...]:
    """That it is an endpoint that is written."""
    return "--store", f"{url}/update", "--set", f"store.query_url={url}/query"


async def until(happened: Callable[[], bool]) -> None:
    """Wait until it is so."""
    while not happened():  # noqa: ASYNC110  (a store says nothing by itself)
        await asyncio.sleep(0.1)
