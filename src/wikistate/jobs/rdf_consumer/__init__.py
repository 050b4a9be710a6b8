"""rdf-consumer: apply the mutations of a stream to a triple store."""

NAME = "rdf-consumer"

STREAM = "rdf-streaming-updater.mutation.v2"
"""Stream that the job reads by default."""

ERROR_STREAM = "rdf_consumer.error"
"""Error stream of the job."""

DEFAULTS = {
    "stream_manager": {
        "job_name": NAME,
        "source": {"stream": f"{STREAM}:2.0.0"},
        "error_sink": {"stream": f"{ERROR_STREAM}:2.1.0"},
    }
}
"""Default settings of this job."""
