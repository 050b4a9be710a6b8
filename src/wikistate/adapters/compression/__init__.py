"""Compressed bytes of files and HTTP bodies: formats, and one decoder for all of them."""
