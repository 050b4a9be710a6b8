"""wikistate: event-carried state transfer for MediaWiki and Wikibase.

The layers, an arrow pointing only downwards: `cli`, `ops`, `runners`, `jobs`, `adapters`, `core`. Beside them stand
`config`, `telemetry` and `errors`, which any layer may use and which use none. `testing` holds what tests and the
bundled demonstration start: a small wiki, sample changes, real brokers.
"""

__version__ = "0.1.0"
