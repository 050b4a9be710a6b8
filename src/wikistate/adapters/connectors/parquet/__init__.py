"""Parquet files in a folder that reads as a table: hourly partitions in Hive's style, each event once."""

from wikistate.adapters.connectors.parquet.connector import ParquetConnector
from wikistate.adapters.connectors.parquet.settings import ParquetSettings
from wikistate.adapters.connectors.parquet.sink import ParquetSink

__all__ = ["ParquetConnector", "ParquetSettings", "ParquetSink"]
