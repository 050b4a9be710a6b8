"""Entities as RDF: parse, normalise, munge, diff, split into subgraphs. Pure, on the terms of pyoxigraph."""
