"""A job that writes a description of its records. The Python that has Flink runs it, with one JSON document as argument.

It copies topic to topic, exactly once, and file to files; both pipelines end with their input.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from pyflink.common import Configuration, Row, WatermarkStrategy
from pyflink.datastream import StreamExecutionEnvironment

from wikistate.config.model import DeliveryGuarantee
from wikistate.runners.flink.connectors import make_sink, make_source, output_type, record_type
from wikistate.wiring.endpoints import (
    FileEndpoint,
    KafkaSinkEndpoint,
    KafkaSourceEndpoint,
    SinkEndpoint,
    SourceEndpoint,
)


def to_output(row: Row) -> Row:
    """Return an output that describes a record, with its key and timestamp."""
    value, key, timestamp, topic, partition, offset, cut = row
    description = {
        "sha256": None if value is None else hashlib.sha256(value).hexdigest(),
        "key": None if key is None else key.hex(),
        "timestamp": timestamp,
        "position": [topic, partition, offset],
        "cut": cut,
    }
    # A record without a value becomes an output without a time.
    return Row("sink", key, json.dumps(description).encode(), None if value is None else timestamp)


def add_pipeline(env: StreamExecutionEnvironment, name: str, source: SourceEndpoint, sink: SinkEndpoint) -> None:
    """Write a description of each record of `source` to `sink`."""
    guarantee = DeliveryGuarantee.EXACTLY_ONCE
    records = env.from_source(make_source(source), WatermarkStrategy.no_watermarks(), name, record_type())
    records.map(to_output, output_type()).sink_to(make_sink(sink, guarantee, identity=f"bridge-{name}"))


def main(arguments: dict[str, Any]) -> None:
    """Run to the end of both inputs."""
    options = {
        "python.executable": sys.executable,
        "parallelism.default": "1",
        "execution.checkpointing.interval": "1 s",
    }
    configuration = Configuration()
    for name, value in options.items():
        configuration.set_string(name, value)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.add_jars(*arguments["jars"])
    servers = arguments["bootstrap_servers"]
    add_pipeline(
        env,
        "topic",
        KafkaSourceEndpoint(
            bootstrap_servers=servers,
            topics=(arguments["source_topic"],),
            group="bridge",
            start="earliest",
            end="latest",
            properties={},
        ),
        KafkaSinkEndpoint(bootstrap_servers=servers, topic=arguments["sink_topic"], properties={}, key="sink"),
    )
    add_pipeline(
        env,
        "file",
        FileEndpoint(path=arguments["source_file"], max_record_bytes=arguments["max_record_bytes"]),
        FileEndpoint(path=arguments["sink_folder"]),
    )
    env.execute("bridge")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
