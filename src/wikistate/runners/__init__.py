"""What drives a job: one process, or Apache Flink."""
