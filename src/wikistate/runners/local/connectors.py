"""The functions of `wikistate.wiring.connectors` under their former name."""

from wikistate.wiring.connectors import (
    SinkFactory,
    check_source,
    make_kafka_source,
    make_producer_settings,
    make_source,
)

__all__ = ["SinkFactory", "check_source", "make_kafka_source", "make_producer_settings", "make_source"]
