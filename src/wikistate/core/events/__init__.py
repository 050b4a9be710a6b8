"""Events of the Event Platform: schemas, streams, metadata, message keys, error events."""
