"""RDF of entities: parsing, normalisation, munging, diffs and subgraphs. Pure, with the terms of pyoxigraph."""
