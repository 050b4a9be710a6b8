"""A change sink that writes changes as events of streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from wikistate.wiring.connectors import check_sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wikistate.streaming.ports import Sink
    from wikistate.streaming.record import Output

Change = TypeVar("Change")


class StreamChangeSink(Generic[Change]):
    """Change sink over the sinks of streams, at least once. See `ChangeSink` for the protocol.

    Args:
        sinks: The sinks by the name of the stream; several streams may share one.
        encode: Encodes a change as events, each with the name of its stream.
    """

    def __init__(self, sinks: Mapping[str, Sink], encode: Callable[[Change], Iterable[tuple[str, Output]]]) -> None:
        self._sinks = sinks
        self._distinct_sinks = tuple(dict.fromkeys(sinks.values()))
        self._encode = encode

    async def check(self) -> None:
        """Check that the sinks can be written, and create nothing."""
        for sink in self._distinct_sinks:
            await check_sink(sink)

    async def open(self) -> None:
        """See `ChangeSink`."""
        for sink in self._distinct_sinks:
            await sink.open()

    async def write(self, changes: Sequence[Change]) -> None:
        """See `ChangeSink`."""
        batches: dict[Sink, list[Output]] = {}
        for change in changes:
            for stream, output in self._encode(change):
                batches.setdefault(self._sinks[stream], []).append(output)
        for sink, outputs in batches.items():
            await sink.write(outputs)

    async def flush(self, *, timer: int | None = None) -> None:  # noqa: ARG002  (a stream holds no progress)
        """See `ChangeSink`."""
        for sink in self._distinct_sinks:
            await sink.flush()

    async def close(self) -> None:
        """See `ChangeSink`."""
        for sink in self._distinct_sinks:
            await sink.close()
