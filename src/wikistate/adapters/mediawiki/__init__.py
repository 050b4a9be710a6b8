"""A wiki over HTTP: farms of wikis and their limits, the Action API, batching."""
