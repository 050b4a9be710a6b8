"""Parquet files in a folder that reads as a table: hourly partitions in Hive's style, each event once."""

from wikistate.adapters.connectors.parquet.sink import ParquetSettings, ParquetSink

__all__ = ["ParquetSettings", "ParquetSink"]
