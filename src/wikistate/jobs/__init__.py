"""One file a job: thin wiring of core and adapters."""
