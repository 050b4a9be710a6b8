"""Measurements of wikistate with fixed data: ``python -m bench``. See the README beside this file."""
