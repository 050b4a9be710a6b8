"""Metrics and log events: declared once, and reported by all layers."""
