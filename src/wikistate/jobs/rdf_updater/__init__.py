"""rdf-updater: changes of a Wikibase's entities in; out, what each does to a triple store."""

from __future__ import annotations

NAME = "rdf-updater"

DEFAULTS = {
    "stream_manager": {
        "job_name": NAME,
        "source": {"stream": "mediawiki.page_change.v1:1.7.0"},
        "sink": {"stream": "rdf-streaming-updater.mutation.v2:2.0.0"},
        "error_sink": {"stream": "rdf-streaming-updater.error:2.1.0"},
    }
}
"""Settings that hold for this job unless the operator says otherwise."""
