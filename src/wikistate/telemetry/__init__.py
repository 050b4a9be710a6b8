"""Metrics and logs: declared once, reported anywhere."""
