"""SPARQL: updates from a batch, queries to a store, and the reading of their results. Pure."""
