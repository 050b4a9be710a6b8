"""custom: an enrichment that the user wrote, as a job like any other."""
