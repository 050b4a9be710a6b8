"""faust-streaming: an agent that takes a batch off the stream and awaits the wiki.

As its documentation has it: `take` to gather events (Streams), an aiohttp session for I/O (Cheat Sheet), uvloop for the
loop. `concurrency` (Agents) is how it has several requests at once; its documentation says that events are then no
longer processed in their order, and they are not.
"""

from __future__ import annotations

import asyncio
import os

import faust  # type: ignore[import-not-found]  # installed in this peer's own environment

from bench.peers.enrichment import HEADERS, REVISIONS, Batch
from bench.peers.route import PeerRoute

INSTANCES = int(os.environ["PEER_REQUESTS"])
"""Of the agent. With one, the order within a page is kept; with more than eight, it does not get faster."""

WITHIN = 0.5  # seconds after which a batch goes although it is not full

route = PeerRoute.from_environment()
app = faust.App(
    os.path.basename(route.folder),  # noqa: PTH119 (the name of the group and nothing of a path)
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
    """Commits what has been written: faust acknowledges a batch when the next one is asked for."""
    async for events in stream.take_events(REVISIONS, within=WITHIN):
        batch = Batch([event.value for event in events])
        async with app.http_client.get(route.api + batch.query, headers=HEADERS) as response:
            values = batch.enriched(await response.read())
        written = [
            await sink.send(key=event.message.key, value=value) for event, value in zip(events, values, strict=True)
        ]
        await asyncio.gather(*written)
