"""The job rdf-consumer: mutations of a stream in, a triple store out."""

NAME = "rdf-consumer"

STREAM = "rdf-streaming-updater.mutation.v2"
"""The stream that it reads unless the settings name another one."""

ERROR_STREAM = "rdf_consumer.error"
"""Its error stream."""

DEFAULTS = {
    "stream_manager": {
        "job_name": NAME,
        "source": {"stream": f"{STREAM}:2.0.0"},
        "error_sink": {"stream": f"{ERROR_STREAM}:2.1.0"},
    }
}
"""Settings that hold for this job unless the operator says otherwise."""
