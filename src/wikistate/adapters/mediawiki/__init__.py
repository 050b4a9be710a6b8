"""Clients of MediaWiki and Wikibase: the Action API, batching, and the limits of farms."""
