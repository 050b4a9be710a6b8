"""PyFlink as a first version would be written: one request for each event, and the slot waits for its answer.

Also what runs in production elsewhere: a synchronous call in a process function, made faster by parallelism alone.
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
    """One event and one request at a time.

    Args:
        api: The address of the wiki's Action API.
    """

    def __init__(self, api: str) -> None:
        self._api = api

    def open(self, runtime_context: RuntimeContext) -> None:
        """On the worker: a connection that is kept."""
        del runtime_context
        self._session = requests.Session()
        self._session.headers.update(HEADERS)

    def map(self, value: bytes) -> Any:
        """Returns key and value of the record that is written."""
        batch = Batch([value])
        (enriched,) = batch.enriched(self._session.get(self._api + batch.query, timeout=60).content)
        return Row(make_page_key(value), enriched)


def source(route: PeerRoute) -> Any:
    """Values only: PyFlink's own source hands over nothing else."""
    return (
        KafkaSource.builder()
        .set_bootstrap_servers(route.servers)
        .set_topics(route.source)
        .set_group_id(os.path.basename(route.folder))  # noqa: PTH119 (the name of the group and nothing of a path)
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(ByteArraySchema())
        .build()
    )


def sink(route: PeerRoute) -> Any:
    """At least once."""
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
    """Runs until it is ended. Arguments are ``NAME=VALUE`` with Flink's own option names."""
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
