"""PyFlink in the form of a first version: one request for each event, and the slot waits for its response.

Such jobs also run in production elsewhere: a synchronous call in a process function, scaled by parallelism only.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import requests
from pyflink.common import Configuration, Row, Types, WatermarkStrategy
from pyflink.common.serialization import ByteArraySchema, RowFieldExtractorSchema
from pyflink.datastream import MapFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)

from bench.peers.enrichment import HEADERS, Batch, make_page_key
from bench.peers.route import PeerRoute

if TYPE_CHECKING:
    from pyflink.datastream import RuntimeContext

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())


class Enrich(MapFunction):  # type: ignore[misc]  # PyFlink ships no types
    """Enrichment with one event and one request at a time.

    Args:
        api: Address of the Action API of the wiki.
    """

    def __init__(self, api: str) -> None:
        self._api = api

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open a session with a persistent connection on the worker."""
        del runtime_context
        self._session = requests.Session()
        self._session.headers.update(HEADERS)

    def map(self, value: bytes) -> Any:
        """Return key and value of the output record."""
        batch = Batch([value])
        (enriched,) = batch.enriched(self._session.get(self._api + batch.query, timeout=60).content)
        return Row(make_page_key(value), enriched)


def source(route: PeerRoute) -> Any:
    """Build a source of values only, as the Kafka source of PyFlink drops keys."""
    return (
        KafkaSource.builder()
        .set_bootstrap_servers(route.servers)
        .set_topics(route.source)
        .set_group_id(os.path.basename(route.folder))  # noqa: PTH119 (the name of the group, not a path)
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(ByteArraySchema())
        .build()
    )


def sink(route: PeerRoute) -> Any:
    """Build a sink with at-least-once delivery."""
    record = (
        KafkaRecordSerializationSchema.builder()
        .set_topic(route.sink)
        .set_key_serialization_schema(RowFieldExtractorSchema(0))
        .set_value_serialization_schema(RowFieldExtractorSchema(1))
        .build()
    )
    return (
        KafkaSink.builder()
        .set_bootstrap_servers(route.servers)
        .set_record_serializer(record)
        .set_delivery_guarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        .set_property("compression.type", "snappy")
        .set_property("linger.ms", "2")
        .build()
    )


def main() -> None:
    """Run until the process is killed. Arguments are ``NAME=VALUE`` with the option names of Flink."""
    route = PeerRoute.from_environment()
    options = Configuration()
    options.set_string("python.executable", sys.executable)
    for word in sys.argv[1:]:
        options.set_string(*word.split("=", maxsplit=1))
    environment = StreamExecutionEnvironment.get_execution_environment(options)
    (
        environment.from_source(source(route), WatermarkStrategy.no_watermarks(), "source", type_info=BYTES)
        .map(Enrich(route.api), Types.ROW([BYTES, BYTES]))
        .sink_to(sink(route))
    )
    environment.execute("naive")


if __name__ == "__main__":
    main()
