"""Oxigraph store embedded in this process, in a folder or in memory."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING

from pyoxigraph import DefaultGraph, NamedNode, Quad, QueryBoolean, QuerySolutions, RdfFormat, Store

from wikistate.adapters.triplestore.folder_identity import FolderIdentity
from wikistate.adapters.triplestore.folder_snapshot import FolderSnapshot
from wikistate.adapters.triplestore.sparql_store import SparqlStoreBase
from wikistate.adapters.triplestore.store import ApplyResult, StoreAccess, StoreChanged
from wikistate.adapters.triplestore.store_failures import STORE_FAILURES, explain_open_failure, explained_failures
from wikistate.adapters.triplestore.store_folder import prepare_folder, require_store
from wikistate.core.rdf.vocabulary import VERSION
from wikistate.core.sparql.guards import write_token
from wikistate.core.sparql.queries import build_state_query, read_state
from wikistate.core.sparql.terms import serialize_triples
from wikistate.core.sparql.updates import (
    batch_operations,
    bookkeeping_operations,
    delete_operations,
    join_operations,
    loose_part_operations,
    orphan_candidates,
)
from wikistate.core.updater.store_state import StoreComparison, compare_states, next_token
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeVar

    from wikistate.adapters.triplestore.store import StoreDescription
    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import Row, StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.core.updater.store_state import StoreState, WriteToken
    from wikistate.streaming.record import Partition

    Result = TypeVar("Result")

BULK = 2_000
"""Number of triples from which they are written as separate files and not through the log, which is then twice as fast."""

LOGGED = 100_000
"""Number of triples written through the log after which the store flushes its memory to disk.

Its own limit is 128 MiB for each index, of which it keeps two versions: more than a gigabyte, which a small wiki would fill
in some months.
"""


class OxigraphStore(SparqlStoreBase):
    """See `wikistate.adapters.triplestore.store.TripleStore`.

    A small batch is one transaction. A large one has three steps: deletions, insertions and positions. Each step is
    atomic. The last one holds the position, so that after a crash between them the batch is applied again.

    Oxigraph runs on a thread, one call at a time. It does not count changes.

    Args:
        folder: Folder of the store; created if it does not exist. None for memory, in tests.
        target: Parts that all statements share.
        access: Use of the store. To read it, the store is opened as it is at this moment: see `FolderSnapshot`.
    """

    def __init__(self, folder: Path | None, target: UpdateTarget, *, access: StoreAccess = StoreAccess.KEEP) -> None:
        super().__init__(target._replace(max_request_bytes=1 << 62), access=access)
        self._folder = folder
        self._snapshot: FolderSnapshot | None = None
        self._store: Store | None = None
        self._identity = FolderIdentity(None)
        self._logged = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="oxigraph")

    @property
    def store(self) -> Store:
        """Store of the Oxigraph library. Raises `StoreError` if it is not open."""
        if self._store is None:
            raise StoreError("The store is not open.")
        return self._store

    async def open(self) -> StoreDescription:
        """See `TripleStore`.

        Raises:
            ConfigError: The folder is not a store, or another process has it open.
            StoreError: The store is damaged, or its folder cannot be written.
        """
        self._store = await self._run_on_thread(self._open)
        if self._access is not StoreAccess.READ:
            self._identity = FolderIdentity(self._folder)
        return await self._check_and_describe()

    async def apply(
        self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None
    ) -> ApplyResult:
        """See `TripleStore`."""
        started_at = time.monotonic()
        count = await self._run_on_thread(lambda: self._applied(patch, positions, freshness))
        return ApplyResult(None, time.monotonic() - started_at, count)

    async def apply_after(
        self,
        expected: StoreState,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
    ) -> ApplyResult | StoreChanged:
        """See `TripleStore`. No other process can write between the check and the last step."""
        started_at = time.monotonic()
        applied = await self._run_on_thread(lambda: self._applied_after(expected, patch, positions, freshness))
        if isinstance(applied, StoreChanged):
            return applied
        return ApplyResult(None, time.monotonic() - started_at, *applied)

    async def query(self, query: str) -> list[Row]:
        """See `TripleStore`."""
        return await self._run_on_thread(lambda: self._select(query))

    async def ask(self, query: str) -> bool:
        """See `TripleStore`."""
        return await self._run_on_thread(lambda: self._ask(query))

    async def close(self) -> None:
        """See `TripleStore`. Afterwards everything that was applied is on the disk.

        Raises:
            StoreError: The folder was replaced, or the disk is full.
        """
        store, self._store = self._store, None
        try:
            if store is not None and self._folder is not None and self._access is not StoreAccess.READ:
                self._identity.check()
                await self._run_on_thread(lambda: _flush(store))
        finally:
            self._thread.shutdown()
            if self._snapshot is not None:
                self._snapshot.remove()

    def _open(self) -> Store:
        if self._folder is None:
            return Store()
        try:
            match self._access:
                case StoreAccess.KEEP:
                    prepare_folder(self._folder)
                case StoreAccess.WRITE:
                    require_store(self._folder)
                case StoreAccess.READ:
                    self._snapshot = FolderSnapshot(self._folder)
                    return Store.read_only(str(self._snapshot.create()))
            return Store(self._folder)
        except STORE_FAILURES as error:
            raise explain_open_failure(self._folder, error) from error

    async def _update(self, update: str) -> object:
        return await self._run_on_thread(lambda: self._write(update))

    async def _run_on_thread(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _applied_after(
        self,
        expected: StoreState,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
    ) -> StoreChanged | tuple[int, WriteToken]:
        self._identity.check()
        found = read_state(self._select(build_state_query(self._target)))
        if found.token != expected.token or compare_states(found, expected) is not StoreComparison.SAME:
            return StoreChanged(found)
        token = next_token(found.token, batch=self._new_batch_id(), now=int(time.time() * 1000))
        from_empty = found.token is None and self._opened.from_empty
        return self._applied(
            patch, positions, freshness, write_token(token, self._target, from_empty=from_empty)
        ), token

    def _applied(
        self,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
        last: Sequence[str] = (),
    ) -> int:
        count = self._apply(patch, positions, freshness, last)
        self._logged += patch.weight if _count_insertions(patch) < BULK else patch.weight - _count_insertions(patch)
        if self._logged >= LOGGED and self._folder is not None:
            _flush(self.store)
            self._logged = 0
        return count

    def _apply(
        self,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
        last: Sequence[str],
    ) -> int:
        bulk = _count_insertions(patch) >= BULK
        if not bulk:
            requests = batch_operations(patch, positions, freshness, self._target)
            whole = [operation for request in requests for operation in request] + [*last]
            if self._try_update(whole):
                return 1
        # All terms are validated before anything is written.
        lines = serialize_triples(chain(patch.added, patch.linked))
        deletions = list(delete_operations(patch, self._target))
        bookkeeping = [
            *loose_part_operations(patch, self._target),
            *bookkeeping_operations(patch, positions, freshness, self._target),
            *last,
        ]
        if not self._try_update(deletions):
            self._delete_individually(patch)
        self._load(lines, bulk=bulk)
        if bookkeeping:
            self._write(join_operations(bookkeeping))
        return 3

    def _try_update(self, operations: Sequence[str]) -> bool:
        """Write the operations. Return False if Oxigraph rejects an IRI: it follows RFC 3987, which is stricter than SPARQL."""
        try:
            if operations:
                self._write(join_operations(operations))
        except SyntaxError:
            return False
        return True

    def _delete_individually(self, patch: StorePatch) -> None:
        rest = patch._replace(removed=frozenset(), unlinked=frozenset(), linked=frozenset())
        if operations := list(delete_operations(rest, self._target)):
            self._write(join_operations(operations))
        graph = self._graph()
        with explained_failures():
            for triple in patch.removed:
                self.store.remove(Quad(triple.subject, triple.predicate, triple.object, graph))
            for triple in orphan_candidates(patch, self._target):
                self.store.add(Quad(triple.subject, triple.predicate, triple.object, graph))

    def _load(self, lines: bytes, *, bulk: bool) -> None:
        load = self.store.bulk_load if bulk else self.store.load
        with explained_failures():
            # Lenient: the lines were validated against the IRI grammar of SPARQL, and RFC 3987 is stricter.
            load(lines, RdfFormat.N_TRIPLES, to_graph=self._graph(), lenient=True)

    def _write(self, update: str) -> None:
        with explained_failures():
            self.store.update(update)

    def _graph(self) -> NamedNode | DefaultGraph:
        return DefaultGraph() if self._target.graph is None else NamedNode(self._target.graph)

    def _select(self, query: str) -> list[Row]:
        self._check_readable(query)
        answer = self._evaluate(query)
        if not isinstance(answer, QuerySolutions):
            raise StoreError("Only SELECT queries have solutions.", query=query)
        names = [variable.value for variable in answer.variables]
        with explained_failures():
            return [{name: row[name] for name in names if row[name] is not None} for row in answer]

    def _check_readable(self, query: str) -> None:
        """Read the triples that an aggregate of this package reads. Raise `StoreError` if they are damaged.

        Oxigraph does not end an aggregate at a damaged block, and fills the memory. A plain read ends there.
        """
        with explained_failures():
            if "COUNT(*)" in query:
                len(self.store)
            elif "(COUNT(" in query or "(MAX(" in query:
                for _ in self.store.quads_for_pattern(None, VERSION, None, None):
                    pass

    def _ask(self, query: str) -> bool:
        answer = self._evaluate(query)
        if not isinstance(answer, QueryBoolean):
            raise StoreError("Only ASK queries have a boolean result.", query=query)
        return bool(answer)

    def _evaluate(self, query: str) -> object:
        try:
            with explained_failures():
                return self.store.query(query)
        except SyntaxError as error:
            raise StoreError(f"The store cannot parse a query: {error}.", query=query) from error


def _flush(store: Store) -> None:
    with explained_failures():
        store.flush()


def _count_insertions(patch: StorePatch) -> int:
    return len(patch.added) + len(patch.linked)
