"""rdf-sync: keep a triple store in step with a Wikibase, in one process and without a stream in between."""

from __future__ import annotations

NAME = "rdf-sync"

DEFAULTS = {
    "stream_manager": {
        "job_name": NAME,
        "source": {
            "stream": "mediawiki.page_change.v1:1.7.0",
            "connector": "recentchanges",
        },
        "sink": {"stream": "rdf-streaming-updater.mutation.v2:2.0.0", "connector": "file"},
        "error_sink": {"stream": "rdf-streaming-updater.error:2.1.0"},
    },
    "rdf": {"lateness": 2.0, "idleness": 1.0, "reordering_window": 1.0},
    "store": {"batch_seconds": 0.2},
}
"""Default settings of this job; with them the store is at most two seconds behind the wiki."""
