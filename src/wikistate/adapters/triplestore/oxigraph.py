"""An Oxigraph store embedded in this process: a folder, or memory."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING

from pyoxigraph import DefaultGraph, NamedNode, Quad, QueryBoolean, QuerySolutions, RdfFormat, Store

from wikistate.adapters.triplestore.sparql_store import SparqlStoreBase
from wikistate.adapters.triplestore.store import ApplyResult
from wikistate.core.sparql.terms import serialize_triples
from wikistate.core.sparql.updates import bookkeeping_operations, build_requests, delete_operations
from wikistate.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeVar

    from wikistate.adapters.triplestore.store import StoreDescription
    from wikistate.core.sparql.updates import UpdateTarget
    from wikistate.core.updater.store_metadata import Row, StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.streaming.record import Partition

    Result = TypeVar("Result")

BULK = 2_000
"""Triples from which on they are written as files of their own instead of through the log: twice as fast from there."""

LOGGED = 100_000
"""Triples written through the log after which the store writes out what it has in memory. By itself it does so at 128 MiB
of each of its indexes, and keeps two of them: more than a gigabyte, which a small wiki would fill in some months."""


class OxigraphStore(SparqlStoreBase):
    """See `wikistate.adapters.triplestore.store.TripleStore`.

    A small batch is one transaction. A large one is three steps, each of which a crash leaves whole: what goes, what
    comes, and how far the store is. The position is in the last step, so a crash between them is made up for by
    applying the batch again.

    Oxigraph works off the loop's thread, one call at a time. It has no counts of changes to tell.

    Args:
        folder: Where it lies; made when it is missing. None for memory, which is for tests.
        dialect: What is the same in each statement.
    """

    def __init__(self, folder: Path | None, dialect: UpdateTarget) -> None:
        super().__init__(dialect._replace(max_request_bytes=1 << 62))
        self._folder = folder
        self._store: Store | None = None
        self._logged = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="oxigraph")

    @property
    def store(self) -> Store:
        """The store itself, while it is open. Raises `StoreError` otherwise."""
        if self._store is None:
            raise StoreError("The store is not open.")
        return self._store

    async def open(self) -> StoreDescription:
        """See `TripleStore`. Raises `ConfigError` when the folder is none, or another process has it."""
        self._store = await self._run_on_thread(lambda: _open_store(self._folder))
        return await self._check_and_describe()

    async def apply(
        self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None
    ) -> ApplyResult:
        """See `TripleStore`."""
        began = time.monotonic()
        count = await self._run_on_thread(lambda: self._applied(patch, positions, freshness))
        return ApplyResult(None, time.monotonic() - began, count)

    async def query(self, query: str) -> list[Row]:
        """See `TripleStore`."""
        return await self._run_on_thread(lambda: self._select(query))

    async def ask(self, query: str) -> bool:
        """See `TripleStore`."""
        return await self._run_on_thread(lambda: self._ask(query))

    async def close(self) -> None:
        """See `TripleStore`. What was applied is on the disk afterwards."""
        store, self._store = self._store, None
        if store is not None and self._folder is not None:
            await self._run_on_thread(store.flush)
        self._thread.shutdown()

    async def _update(self, update: str) -> object:
        return await self._run_on_thread(lambda: self._write(update))

    async def _run_on_thread(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _applied(self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None) -> int:
        count = self._apply(patch, positions, freshness)
        self._logged += patch.weight if _count_insertions(patch) < BULK else patch.weight - _count_insertions(patch)
        if self._logged >= LOGGED and self._folder is not None:
            self._flush()
        return count

    def _flush(self) -> None:
        try:
            self.store.flush()
        except OSError as error:
            raise _store_error(error) from error
        self._logged = 0

    def _apply(self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None) -> int:
        bulk = _count_insertions(patch) >= BULK
        if not bulk:
            whole = build_requests(patch, positions, freshness, self._dialect)
            if self._try_updates(whole):
                return len(whole)
        # Everything that can be refused is, before anything is written.
        lines = serialize_triples(chain(patch.added, patch.linked))
        goes, last = (
            list(delete_operations(patch, self._dialect)),
            list(bookkeeping_operations(patch, positions, freshness, self._dialect)),
        )
        if not self._try_updates([" ;\n".join(goes)] if goes else []):
            self._delete_individually(patch)
        self._load(lines, bulk=bulk)
        if last:
            self._write(" ;\n".join(last))
        return 3

    def _try_updates(self, updates: list[str]) -> bool:
        """Whether the updates were written. Oxigraph reads stricter than SPARQL: by RFC 3987, which some IRIs break."""
        try:
            for update in updates:
                self._write(update)
        except SyntaxError:
            return False
        return True

    def _delete_individually(self, patch: StorePatch) -> None:
        rest = patch._replace(removed=frozenset(), unlinked=frozenset())
        self._write(" ;\n".join(delete_operations(rest, self._dialect)))
        graph = self._graph()
        for triple in patch.removed:
            self.store.remove(Quad(triple.subject, triple.predicate, triple.object, graph))

    def _load(self, lines: bytes, *, bulk: bool) -> None:
        load = self.store.bulk_load if bulk else self.store.load
        try:
            # Lenient: the lines were checked against SPARQL's grammar of IRIs, and RFC 3987 is stricter.
            load(lines, RdfFormat.N_TRIPLES, to_graph=self._graph(), lenient=True)
        except OSError as error:
            raise _store_error(error) from error

    def _write(self, update: str) -> None:
        try:
            self.store.update(update)
        except OSError as error:
            raise _store_error(error) from error

    def _graph(self) -> NamedNode | DefaultGraph:
        return DefaultGraph() if self._dialect.graph is None else NamedNode(self._dialect.graph)

    def _select(self, query: str) -> list[Row]:
        answer = self._evaluate(query)
        if not isinstance(answer, QuerySolutions):
            raise StoreError("Only SELECT queries have solutions.", query=query)
        names = [variable.value for variable in answer.variables]
        return [{name: row[name] for name in names if row[name] is not None} for row in answer]

    def _ask(self, query: str) -> bool:
        answer = self._evaluate(query)
        if not isinstance(answer, QueryBoolean):
            raise StoreError("Only ASK queries have a yes or no.", query=query)
        return bool(answer)

    def _evaluate(self, query: str) -> object:
        try:
            return self.store.query(query)
        except SyntaxError as error:
            raise StoreError(f"The store does not understand a query: {error}.", query=query) from error
        except OSError as error:
            raise _store_error(error) from error


def _count_insertions(patch: StorePatch) -> int:
    return len(patch.added) + len(patch.linked)


def _open_store(folder: Path | None) -> Store:
    if folder is None:
        return Store()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Store(folder)
    except OSError as error:
        raise ConfigError(
            f"The store in {folder} cannot be opened: {error}.",
            hint="It must be a folder of Oxigraph's or an empty one, and no other process may have it open.",
            key="store.location",
        ) from error


def _store_error(error: OSError) -> StoreError:
    return StoreError(
        f"The embedded store failed: {error}.",
        hint="See whether the disk is full. What was not applied is applied again at the next start.",
    )
