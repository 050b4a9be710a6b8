"""custom: run a function of the user as an enrichment job."""
