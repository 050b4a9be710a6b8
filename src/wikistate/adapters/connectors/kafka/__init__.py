"""Kafka as source and sink, at least once or, with transactions, exactly once."""

from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import (
    KafkaProducerSettings,
    KafkaSourceSettings,
    build_transactional_id,
)
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions

__all__ = [
    "KafkaProducer",
    "KafkaProducerSettings",
    "KafkaSink",
    "KafkaSource",
    "KafkaSourceSettings",
    "KafkaTransactions",
    "build_transactional_id",
]
