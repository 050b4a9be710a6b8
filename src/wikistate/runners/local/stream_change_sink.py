"""An outlet that writes products as events of streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wikistate.streaming.ports import Sink
    from wikistate.streaming.record import Output

Change = TypeVar("Change")


class StreamChangeSink(Generic[Change]):
    """At least once: what was flushed stays. See `ChangeSink` for the protocol.

    Args:
        sinks: By the name of the stream; several streams may share one.
        encode: The events of a product, each with the name of its stream.
    """

    def __init__(self, sinks: Mapping[str, Sink], encode: Callable[[Change], Iterable[tuple[str, Output]]]) -> None:
        self._sinks = sinks
        self._distinct_sinks = tuple(dict.fromkeys(sinks.values()))
        self._encode = encode

    async def open(self) -> None:
        """See `ChangeSink`."""
        for sink in self._distinct_sinks:
            await sink.open()

    async def write(self, changes: Sequence[Change]) -> None:
        """See `ChangeSink`."""
        batches: dict[Sink, list[Output]] = {}
        for product in changes:
            for stream, output in self._encode(product):
                batches.setdefault(self._sinks[stream], []).append(output)
        for sink, outputs in batches.items():
            await sink.write(outputs)

    async def flush(self, *, timer: int | None = None) -> None:  # noqa: ARG002  (a stream says nothing of how far it is)
        """See `ChangeSink`."""
        for sink in self._distinct_sinks:
            await sink.flush()

    async def close(self) -> None:
        """See `ChangeSink`."""
        for sink in self._distinct_sinks:
            await sink.close()
