"""Quix Streams: a batching sink that queries the wiki and writes with its own producer.

A `StreamingDataFrame` passes one event at a time and has no asynchronous step. Its documentation collects events for an
HTTP API in count windows, which exist for each key (here: each page) in a state store. The base class for batches
across keys is `BatchingSink` (Connectors, Custom Sinks): it collects the events between two checkpoints, and offsets are
committed when its `write` has returned.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import urllib3
from quixstreams import Application  # type: ignore[import-not-found]  # installed in the environment of this peer
from quixstreams.sinks.base import BatchingSink  # type: ignore[import-not-found]  # as above

from bench.peers.enrichment import HEADERS, REVISIONS, Batch
from bench.peers.route import PeerRoute

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKPOINT = 1_000
"""Events between two checkpoints, and therefore in a batch of the sink. With more it does not get faster."""

REQUESTS = int(os.environ.get("PEER_REQUESTS", "1"))
"""Concurrent requests. The framework itself has one; more need manual threads."""

_CONSUMER = {"fetch.queue.backoff.ms": 10}
_PRODUCER = {"compression.type": "snappy", "acks": "all", "linger.ms": 2}


class WikiSink(BatchingSink):  # type: ignore[misc]  # as above
    """Sink that enriches a batch and writes it in its order.

    Args:
        app: Application with the producer.
        route: Route of the job.
    """

    def __init__(self, app: Application, route: PeerRoute) -> None:
        super().__init__()
        self._route = route
        self._producer = app.get_producer().__enter__()
        self._pool = urllib3.PoolManager(maxsize=REQUESTS, headers=HEADERS)
        self._threads = ThreadPoolExecutor(REQUESTS)

    def write(self, batch: Any) -> None:
        """Write the events of one partition between two checkpoints."""
        for done in self._threads.map(self._request, batch.iter_chunks(REVISIONS)):
            for key, value in done:
                self._producer.produce(topic=self._route.sink, key=key, value=value)
        self._producer.flush()

    def _request(self, items: Sequence[Any]) -> list[tuple[bytes, bytes]]:
        batch = Batch([item.value for item in items])
        values = batch.enriched(self._pool.request("GET", self._route.api + batch.query).data)
        return [(item.key, value) for item, value in zip(items, values, strict=True)]


def main() -> None:
    """Run until the process is killed."""
    route = PeerRoute.from_environment()
    app = Application(
        route.servers,
        consumer_group=os.path.basename(route.folder),  # noqa: PTH119 (the name of the group, not a path)
        auto_offset_reset="earliest",
        commit_every=CHECKPOINT,
        consumer_extra_config=_CONSUMER,
        producer_extra_config=_PRODUCER,
        auto_create_topics=False,
        state_dir=route.folder,
    )
    events = app.dataframe(app.topic(route.source, key_deserializer="bytes", value_deserializer="bytes"))
    events.sink(WikiSink(app, route))
    app.run()


if __name__ == "__main__":
    main()
