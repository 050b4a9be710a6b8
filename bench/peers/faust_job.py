"""faust-streaming: an agent that takes a batch from the stream and awaits the wiki.

It follows the documentation: `take` to collect events (Streams), an aiohttp session for I/O (Cheat Sheet), uvloop for
the event loop. `concurrency` (Agents) allows several requests at the same time; as documented, events are then no longer
processed in their order.
"""

from __future__ import annotations

import asyncio
import os

import faust  # type: ignore[import-not-found]  # installed in the environment of this peer

from bench.peers.enrichment import HEADERS, REVISIONS, Batch
from bench.peers.route import PeerRoute

INSTANCES = int(os.environ["PEER_REQUESTS"])
"""Number of instances of the agent. One keeps the order within a page; more than eight are not faster."""

WITHIN = 0.5  # seconds after which an incomplete batch is processed

route = PeerRoute.from_environment()
app = faust.App(
    os.path.basename(route.folder),  # noqa: PTH119 (the name of the group, not a path)
    broker=f"kafka://{route.servers}",
    datadir=route.folder,
    key_serializer="raw",
    value_serializer="raw",
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    producer_acks=-1,
    producer_compression_type="snappy",
    producer_linger=0.002,
    producer_max_batch_size=1_000_000,
    producer_max_request_size=10_000_000,
)
source = app.topic(route.source, key_type=bytes, value_type=bytes)
sink = app.topic(route.sink, key_type=bytes, value_type=bytes)


@app.agent(source, concurrency=INSTANCES)  # type: ignore[untyped-decorator]  # as above
async def enrich(stream: faust.Stream[bytes]) -> None:
    """Enrich and write each batch; faust acknowledges it when the next one is requested."""
    async for events in stream.take_events(REVISIONS, within=WITHIN):
        batch = Batch([event.value for event in events])
        async with app.http_client.get(route.api + batch.query, headers=HEADERS) as response:
            values = batch.enriched(await response.read())
        written = [
            await sink.send(key=event.message.key, value=value) for event, value in zip(events, values, strict=True)
        ]
        await asyncio.gather(*written)
