"""The bare loop: consume, fetch, put the body into the event, produce.

It has no validation, order, commits, retries, bounds and metrics. It has the same clients with the same settings, the
same number of revisions in a request and the same number of concurrent requests. The ratio of the two speeds is
therefore the cost of wikistate itself.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import uvloop
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from yarl import URL

from wikistate.adapters.connectors.kafka.errors import PARTITION_EOF
from wikistate.adapters.connectors.kafka.settings import (
    KafkaProducerSettings,
    KafkaSourceSettings,
    build_consumer_properties,
    build_producer_properties,
)
from wikistate.adapters.connectors.start_stop import LatestAtStart
from wikistate.adapters.mediawiki.action_api import build_revisions_query

if TYPE_CHECKING:
    from collections.abc import Sequence

POLL_RECORDS = 500
_FULL = 0.001  # seconds between two attempts while the queue of the producer is full
_IDLE = 0.25  # seconds that a poll of an empty topic waits
_READ_BUFFER = 1 << 20  # bytes, as in the job: with the 64 KB of aiohttp a large response takes a hundred reads


class BareLoop:
    """Bare loop over a topic from its beginning, to its end or until SIGTERM.

    Args:
        options: Parsed command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._api = f"{options.wiki}/w/api.php?"
        self._batch: int = options.batch
        self._sink: str = options.sink
        end = None if options.endless else LatestAtStart()
        source = KafkaSourceSettings(options.servers, (options.source,), options.sink, end=end)
        self._consumer = Consumer(build_consumer_properties(source).properties)
        self._open: int = options.partitions
        self._consumer.assign([TopicPartition(options.source, number, 0) for number in range(self._open)])
        self._producer = Producer(build_producer_properties(KafkaProducerSettings(options.servers)).properties)
        self._requests = asyncio.Semaphore(options.requests)
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Process all records."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._ended.set)
        async with aiohttp.ClientSession(read_bufsize=_READ_BUFFER) as session, asyncio.TaskGroup() as tasks:
            while (messages := await self._read()) is not None:
                for start in range(0, len(messages), self._batch):
                    await self._requests.acquire()
                    tasks.create_task(self._enrich(session, messages[start : start + self._batch]))
        self._producer.flush()

    async def _read(self) -> list[Message] | None:
        found: list[Message] = []
        while not found:
            if self._ended.is_set():
                return None
            messages = self._consumer.consume(POLL_RECORDS, 0)
            found = self._records(messages or await asyncio.to_thread(self._consumer.consume, 1, _IDLE))
        return found

    def _records(self, messages: Sequence[Message]) -> list[Message]:
        errors = [error for message in messages if (error := message.error()) is not None]
        self._open -= sum(error.code() == PARTITION_EOF for error in errors)
        if not self._open:
            self._ended.set()
        return [message for message in messages if message.error() is None] if errors else list(messages)

    async def _enrich(self, session: aiohttp.ClientSession, messages: Sequence[Message]) -> None:
        events: list[dict[str, Any]] = [orjson.loads(message.value() or b"") for message in messages]
        query = build_revisions_query([event["revision"]["rev_id"] for event in events], {"maxlag": "5"})
        async with session.get(URL(self._api + query, encoded=True)) as response:
            answer = orjson.loads(await response.read())
        bodies = {
            revision["revid"]: revision["slots"]["main"]["content"]
            for page in answer["query"]["pages"]
            for revision in page["revisions"]
        }
        for message, event in zip(messages, events, strict=True):
            event["revision"]["content_slots"]["main"]["content_body"] = bodies[event["revision"]["rev_id"]]
            await self._produce(orjson.dumps(event), message.key())
        self._producer.poll(0)
        self._requests.release()

    async def _produce(self, value: bytes, key: bytes | None) -> None:
        while True:
            try:
                return self._producer.produce(self._sink, value, key)
            except BufferError:  # the broker is slower than the wiki; every producer must wait then
                self._producer.poll(0)
                await asyncio.sleep(_FULL)


def parse_arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser("bench.bare", description="Enrich a topic with as little code as possible.")
    parser.add_argument("servers", help="host:port of the broker")
    parser.add_argument("source", help="source topic")
    parser.add_argument("sink", help="sink topic")
    parser.add_argument("wiki", help="address of the wiki")
    parser.add_argument("--batch", type=int, required=True, help="revisions in a request")
    parser.add_argument("--requests", type=int, required=True, help="concurrent requests")
    parser.add_argument("--partitions", type=int, default=1, help="number of partitions of the source topic")
    parser.add_argument("--endless", action="store_true", help="continue at the end of the topic, until SIGTERM")
    return parser.parse_args()


async def main() -> None:
    """Run the bare loop."""
    await BareLoop(parse_arguments()).run()


if __name__ == "__main__":
    uvloop.run(main())
