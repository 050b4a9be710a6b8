"""The demonstration: generators of sample pages, histories and events."""
