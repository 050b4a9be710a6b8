"""Bytewax: an operator that receives whole batches of the source and queries the wiki.

Its documentation recommends `flat_map_batch` for calls to a network service with batches (Performance). Its operators
are synchronous.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import bytewax.operators as op  # type: ignore[import-not-found]  # installed in the environment of this peer
import urllib3
from bytewax.connectors.kafka import (  # type: ignore[import-not-found]  # as above
    KafkaSink,
    KafkaSinkMessage,
    KafkaSource,
)
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]  # as above

from bench.peers.enrichment import HEADERS, Batch, plan_batches
from bench.peers.route import PeerRoute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

READ = 400
"""Records of a read: ten requests. With more it does not get faster."""

REQUESTS = int(os.environ.get("PEER_REQUESTS", "1"))
"""Concurrent requests of each worker. The framework itself has one; more need manual threads."""

_PRODUCER = {"compression.type": "snappy", "acks": "all", "linger.ms": "2"}

route = PeerRoute.from_environment()
pool = urllib3.PoolManager(maxsize=REQUESTS, headers=HEADERS)
threads = ThreadPoolExecutor(REQUESTS)


def enrich(messages: Sequence[Any]) -> Iterable[Any]:
    """Enrich all messages of a read, in their order."""
    for done in threads.map(_request, [messages[cut] for cut in plan_batches(len(messages))]):
        yield from done


def _request(messages: Sequence[Any]) -> list[Any]:
    batch = Batch([message.value for message in messages])
    values = batch.enriched(pool.request("GET", route.api + batch.query).data)
    return [KafkaSinkMessage(message.key, value) for message, value in zip(messages, values, strict=True)]


flow = Dataflow("peer")
records = op.input("source", flow, KafkaSource([route.servers], [route.source], batch_size=READ))
op.output("sink", op.flat_map_batch("enrich", records, enrich), KafkaSink([route.servers], route.sink, _PRODUCER))
