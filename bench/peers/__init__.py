"""Comparison of wikistate and its peers with the same work in one run. See the README beside this file."""
