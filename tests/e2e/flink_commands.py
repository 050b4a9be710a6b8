"""Commands for jobs on Flink clusters as other commands: a file of environments, and the place of the environment's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_ENVIRONMENT = "here"


def is_flink_command(command: str) -> bool:
    """Return whether a command controls a job on a cluster."""
    return command.startswith(("flink JOB ", "flink-job ", "flink list"))


def name_environment(command: str) -> list[str]:
    """Return the words of a command, with the environment of `write_environments` if it controls a job."""
    first, *others = command.split()
    if not is_flink_command(command):
        return [first, *others]
    job = ["--job-name", "JOB"] if first == "flink-job" else []
    return [first, "--env", _ENVIRONMENT, *job, *others]


def write_environments(folder: Path, rest: str) -> None:
    """Write the file of environments that commands in a folder find: the job ``JOB`` on the cluster at a URL."""
    broker = {"bootstrap_servers": "127.0.0.1:1"}
    settings = {
        "stream_manager": {
            "source": {"connector": "kafka", "options": {**broker, "topics": ["in"], "consumer_group": "group"}},
            "sink": {"connector": "kafka", "options": {**broker, "topic": "out"}},
            "error_sink": {"connector": "kafka", "options": {**broker, "topic": "errors"}},
        }
    }
    cluster = {
        "rest": rest,
        "flink": "/bin/false",
        "savepoints": f"file://{folder}/savepoints",
        "checkpoints": f"file://{folder}/checkpoints",
        "request_timeout": 1,
        "records": str(folder / "records"),
    }
    (folder / "flink-environments.yaml").write_text(
        yaml.safe_dump(
            {
                "environments": {_ENVIRONMENT: cluster},
                "jobs": {"JOB": {"run": "page-content-change", "settings": settings}},
            }
        )
    )
