"""wikistate: event-carried state transfer for MediaWiki and Wikibase.

The layers, from the top: `cli`, `testing`, `demo`, `ops`, `runners`, `wiring`, `jobs`, `adapters`, `core`, `streaming`.
A layer imports only layers below it. Any layer may import `config`, `telemetry` and `errors`, which import no layer.
`custom` holds the types of custom enrichments, and `testing` the parts for their tests.
"""

__version__ = "0.1.0"
