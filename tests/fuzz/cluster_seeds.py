"""Seeds of the targets that read answers of Flink clusters and S3 stores, by the documentation of both."""

from __future__ import annotations

from typing import Any

import orjson
from tests.fuzz.seed_texts import write

_JOB_ID = "0123456789abcdef0123456789abcdef"
_TRACE = "java.lang.Exception: a\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: b\n"
_SNAPSHOT = {
    "id": 3,
    "status": "COMPLETED",
    "is_savepoint": False,
    "trigger_timestamp": 1_790_000_000_000,
    "external_path": f"s3://b/{_JOB_ID}/chk-3",
    "discarded": False,
}
ANSWERS: dict[str, dict[str, Any]] = {
    "overview": {"slots-total": 4, "slots-available": 2},
    "jobs": {
        "jobs": [{"jid": _JOB_ID, "name": "a", "state": "RUNNING", "start-time": 1_790_000_000_000, "end-time": -1}]
    },
    "job": {"state": "RUNNING", "vertices": [{"name": "a", "parallelism": 2, "tasks": {"RUNNING": 1, "SCHEDULED": 1}}]},
    "exceptions": {"exceptionHistory": {"entries": [{"timestamp": 1_790_000_000_000, "stacktrace": _TRACE}]}},
    "checkpoints": {
        "counts": {"completed": 3, "failed": 1},
        "latest": {
            "completed": _SNAPSHOT,
            "savepoint": {**_SNAPSHOT, "is_savepoint": True},
            "restored": {"external_path": "s3://b/savepoint-1"},
            "failed": {"failure_message": "a"},
        },
    },
    "savepoint": {"status": {"id": "COMPLETED"}, "operation": {"location": "s3://b/savepoint-1"}},
    "failure": {
        "status": {"id": "COMPLETED"},
        "operation": {
            "failure-cause": {
                "class": "a.B",
                "stack-trace": f"{_TRACE}Traceback (most recent call last):\n  x\nKeyError: 1\n",
            }
        },
    },
}
LIST = f"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><IsTruncated>true</IsTruncated>
<NextContinuationToken>t</NextContinuationToken><Contents><Key>{_JOB_ID}/chk-3/_metadata</Key>
<LastModified>2026-11-28T12:00:00.000Z</LastModified><Size>1</Size></Contents></ListBucketResult>
"""


def write_clusters() -> None:
    """Write the seeds."""
    for name, answer in ANSWERS.items():
        write("flink-answers", name, orjson.dumps(answer))
    write("snapshot-list", "page", LIST)
