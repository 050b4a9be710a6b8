"""Runners of pipelines: one process, or Apache Flink."""
