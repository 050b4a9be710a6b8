"""Stores that speak SPARQL."""
