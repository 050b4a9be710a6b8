"""Enrichment: the fetch for an event, the classification of failures, and the insertion of content into the event."""
