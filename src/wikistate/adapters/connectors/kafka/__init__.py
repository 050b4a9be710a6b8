"""Kafka as source and sink, at least once or, with transactions, exactly once."""

from wikistate.adapters.connectors.kafka.connector import KafkaConnector

__all__ = ["KafkaConnector"]
