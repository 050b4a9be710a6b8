"""An outlet that writes products as events of streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wikistate.adapters.connectors.ports import Sink
    from wikistate.core.record import Output

Product = TypeVar("Product")


class StreamsOutlet(Generic[Product]):
    """At least once: what was flushed stays. See `Outlet` for the protocol.

    Args:
        sinks: By the name of the stream; several streams may share one.
        encode: The events of a product, each with the name of its stream.
    """

    def __init__(self, sinks: Mapping[str, Sink], encode: Callable[[Product], Iterable[tuple[str, Output]]]) -> None:
        self._sinks = sinks
        self._distinct = tuple(dict.fromkeys(sinks.values()))
        self._encode = encode

    async def open(self) -> None:
        """See `Outlet`."""
        for sink in self._distinct:
            await sink.open()

    async def write(self, products: Sequence[Product]) -> None:
        """See `Outlet`."""
        batches: dict[Sink, list[Output]] = {}
        for product in products:
            for stream, output in self._encode(product):
                batches.setdefault(self._sinks[stream], []).append(output)
        for sink, outputs in batches.items():
            await sink.write(outputs)

    async def flush(self, *, wake: int | None = None) -> None:  # noqa: ARG002  (a stream says nothing of how far it is)
        """See `Outlet`."""
        for sink in self._distinct:
            await sink.flush()

    async def close(self) -> None:
        """See `Outlet`."""
        for sink in self._distinct:
            await sink.close()
