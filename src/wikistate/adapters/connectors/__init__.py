"""Sources and sinks: Kafka, files, standard streams, memory."""
