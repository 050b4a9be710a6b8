"""rdf-updater: turn the changes of a Wikibase's entities into mutations of a triple store."""

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
"""Default settings of this job."""
