"""SPARQL: a batch as updates, what a store is asked and answers. Pure."""
