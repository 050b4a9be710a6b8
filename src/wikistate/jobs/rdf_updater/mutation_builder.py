"""Builder of mutations: it executes an operation and fetches the graphs that it needs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, assert_never

from wikistate.core.rdf.graph import EMPTY_GRAPH
from wikistate.core.updater.execution_state import as_full_import
from wikistate.core.updater.fetch_failures import FetchErrorType
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.subgraph_mutations import build_mutations
from wikistate.jobs.rdf_updater.entity_graphs import GraphUnavailable
from wikistate.streaming.keyed_job import do_nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.rdf.graph import Graph
    from wikistate.core.rdf.subgraphs import Subgraphs
    from wikistate.core.rdf.uris import Uris
    from wikistate.core.updater.mutation import Mutation
    from wikistate.jobs.rdf_updater.entity_graphs import EntityGraphLoader
    from wikistate.jobs.rdf_updater.entity_memory import MemoryLease


class BuiltMutations(NamedTuple):
    """Mutations of an operation.

    Attributes:
        operation: Operation as it was executed.
        mutations: One mutation for each stream that the operation concerns.
        release: Function that releases the memory of the operation, once the mutations are written or dropped.
        after: The entity's munged triples afterwards.
    """

    operation: Operation
    mutations: list[Mutation]
    release: Callable[[], None] = do_nothing
    after: Graph = EMPTY_GRAPH


class MutationBuilder:
    """Builder of mutations.

    Args:
        graphs: Loads the graphs of the wiki's entities.
        uris: IRIs of the wiki.
        subgraphs: Subgraphs with a mutation stream.
    """

    def __init__(self, graphs: EntityGraphLoader, uris: Uris, subgraphs: Subgraphs) -> None:
        self._graphs = graphs
        self._uris = uris
        self._subgraphs = subgraphs

    async def open(self) -> None:
        """Open the client."""
        await self._graphs.open()

    async def close(self) -> None:
        """Close the client."""
        await self._graphs.close()

    async def build(self, operation: Operation) -> BuiltMutations | GraphUnavailable:
        """Execute an operation. It waits until the wiki answers, and until there is memory for the entity.

        Raises:
            ConfigError: See `EntityGraphLoader.load`.
        """
        lease = self._graphs.memory.lease()
        try:
            built = await self._build(operation, lease)
        except BaseException:
            lease.release()
            raise
        if isinstance(built, GraphUnavailable):
            lease.release()
            return built
        return built._replace(release=lease.release)

    async def _build(self, operation: Operation, lease: MemoryLease) -> BuiltMutations | GraphUnavailable:
        match operation:
            case DeleteItem():
                return self._build_mutations(operation, EMPTY_GRAPH, EMPTY_GRAPH)
            case FullImport(entity, time, revision):
                return self._build_from_graph(
                    operation, await self._graphs.load(entity, revision, event_time=time, lease=lease)
                )
            case ReconcileItem(entity, revision=revision):
                return self._build_from_graph(operation, await self._graphs.load(entity, revision, lease=lease))
            case Diff():
                return await self._build_from_diff(operation, lease)
            case _:
                assert_never(operation)

    def rebuild(self, operation: Operation, after: Graph) -> BuiltMutations:
        """Execute an operation that needs only the triples of its revision: any but a `Diff`."""
        return self._build_mutations(operation, EMPTY_GRAPH, after)

    def _build_from_graph(
        self, operation: Operation, graph: Graph | GraphUnavailable
    ) -> BuiltMutations | GraphUnavailable:
        return graph if isinstance(graph, GraphUnavailable) else self._build_mutations(operation, EMPTY_GRAPH, graph)

    async def _build_from_diff(self, operation: Diff, lease: MemoryLease) -> BuiltMutations | GraphUnavailable:
        before, after = await asyncio.gather(
            self._graphs.load(operation.entity, operation.from_revision, is_replaceable=True, lease=lease),
            self._graphs.load(operation.entity, operation.revision, event_time=operation.time, lease=lease),
        )
        if isinstance(after, GraphUnavailable):
            return after
        if not isinstance(before, GraphUnavailable):
            return self._build_mutations(operation, before, after)
        if before.type is FetchErrorType.ENTITY_NOT_FOUND:
            # The revision in the store can no longer be fetched, because it is deleted or hidden; the new revision can.
            return self._build_mutations(as_full_import(operation), EMPTY_GRAPH, after)
        return before._replace(after=after)

    def _build_mutations(self, operation: Operation, before: Graph, after: Graph) -> BuiltMutations:
        mutations = build_mutations(operation, before, after, self._uris, self._subgraphs)
        return BuiltMutations(operation, mutations, after=after)
