"""Enrichment: what is fetched for an event, how failures are judged, how content is folded in."""
