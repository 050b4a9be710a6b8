"""The file of environments, and the job in one of them that a command is for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from wikistate.config.flink_environments import EnvironmentSettings, FlinkEnvironments, JobSettings
from wikistate.config.layers import Layer, format_key, merge, read_file
from wikistate.config.paths import make_file_name, state_home
from wikistate.errors import ConfigError, SettingsError
from wikistate.wiring.registry import JOBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

ENVIRONMENTS_VARIABLE = "WIKISTATE_FLINK_ENVIRONMENTS"
DEFAULT_FILE = "flink-environments.yaml"


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment of the file.

    Attributes:
        name: Its name.
        settings: Its settings.
        file: The file.
        others: The other environments by name: their folders are out of bounds.
    """

    name: str
    settings: EnvironmentSettings
    file: Path
    others: dict[str, EnvironmentSettings]


@dataclass(frozen=True, slots=True)
class JobTarget:
    """A job in an environment.

    Attributes:
        environment: The environment.
        name: The name of the job on the cluster.
        settings: Its settings in this environment.
    """

    environment: Environment
    name: str
    settings: JobSettings

    @property
    def parallelism(self) -> int:
        """Number of subtasks by the file."""
        return self.settings.parallelism or 1

    @property
    def savepoints(self) -> str:
        """Folder of its savepoints, a URI."""
        return f"{self.environment.settings.savepoints}/{folder_name(self.name)}"

    @property
    def checkpoints(self) -> str:
        """Folder of its checkpoints, a URI."""
        return f"{self.environment.settings.checkpoints}/{folder_name(self.name)}"

    @property
    def configuration(self) -> tuple[Path, ...]:
        """Configuration files."""
        return tuple(self.environment.file.parent / name for name in self.settings.configuration)

    @property
    def records(self) -> Path:
        """Folder of the deployments of the job."""
        stated = self.environment.settings.records
        base = self.environment.file.parent / stated if stated else state_home() / "flink-jobs"
        return base / make_file_name(self.environment.name) / make_file_name(self.name)


def folder_name(job: str) -> str:
    """Return the name of the folder of a job: without spaces, which some stores encode."""
    return make_file_name(job.replace(" ", "-"))


def load_environments(file: Path) -> FlinkEnvironments:
    """Read and validate the file.

    Raises:
        ConfigError: The file cannot be read, or a value is wrong. The message has a line for each, with file and line.
    """
    if not file.is_file():
        raise ConfigError(
            f"{file}: there is no such file of environments.",
            hint=f"Name it by --environments or {ENVIRONMENTS_VARIABLE}. An example: examples/flink/environments.yaml.",
            key="--environments",
        )
    layer = read_file(file)
    try:
        found = FlinkEnvironments.model_validate(layer.values)
    except ValidationError as error:
        raise SettingsError([_format_error(detail, layer, file) for detail in error.errors()]) from None
    problems = list(_check_jobs(found, layer, file))
    if problems:
        raise SettingsError(problems)
    return found


def find_environment(file: Path, name: str) -> Environment:
    """Return an environment of the file.

    Raises:
        ConfigError: There is none of that name, or the file is wrong.
    """
    found = load_environments(file)
    if name not in found.environments:
        raise ConfigError(
            f"{file} has no environment {name!r}.", hint=_advise(name, found.environments), key="environments"
        )
    others = {other: settings for other, settings in found.environments.items() if other != name}
    return Environment(name, found.environments[name], file, others)


def list_jobs(environment: Environment) -> tuple[JobTarget, ...]:
    """Return all jobs in an environment."""
    jobs = load_environments(environment.file).jobs
    return tuple(_build_target(environment, name, settings) for name, settings in jobs.items())


def find_job_target(environment: Environment, name: str) -> JobTarget:
    """Return a job in an environment, by its name or an alias.

    Raises:
        ConfigError: There is none of that name.
    """
    targets = list_jobs(environment)
    for target in targets:
        if name in (target.name, *target.settings.aliases):
            return target
    known = [word for target in targets for word in (target.name, *target.settings.aliases)]
    raise ConfigError(f"{environment.file} has no job {name!r}.", hint=_advise(name, known), key="jobs")


def _build_target(environment: Environment, name: str, base: JobSettings) -> JobTarget:
    over = environment.settings.jobs.get(name, JobSettings())
    settings = JobSettings(
        run=over.run or base.run,
        aliases=base.aliases,
        configuration=[*base.configuration, *over.configuration],
        settings=merge([Layer(base.settings), Layer(over.settings)]).values,
        parallelism=over.parallelism or base.parallelism,
    )
    return JobTarget(environment, name, settings)


def _check_jobs(found: FlinkEnvironments, layer: Layer, file: Path) -> Iterator[str]:
    runnable = [spec.name for spec in JOBS if not spec.writes_store]
    names: dict[str, str] = {}
    for name, job in found.jobs.items():
        if job.run not in runnable:
            yield f"{_place(('jobs', name, 'run'), layer, file)}: found {job.run!r}; allowed: {', '.join(runnable)}"
        for word in (name, *job.aliases):
            if word in names:
                yield f"{_place(('jobs', name, 'aliases'), layer, file)}: {word!r} is already a name of {names[word]!r}"
            names[word] = name
    for environment, settings in found.environments.items():
        for name in settings.jobs:
            if name not in found.jobs:
                key = ("environments", environment, "jobs", name)
                yield f"{_place(key, layer, file)}: there is no such job under jobs; {_advise(name, found.jobs)}"


def _format_error(detail: ErrorDetails, layer: Layer, file: Path) -> str:
    key = tuple(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = list(_known_keys(key))
        return f"{_place(key, layer, file)}: there is no such key; {_advise(key[-1], known)}"
    if detail["type"] == "missing":
        return f"{_place(key, layer, file)}: it is missing"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{_place(key, layer, file)}: {message[:1].lower()}{message[1:]}"


def _known_keys(key: tuple[str, ...]) -> Iterable[str]:
    match key:
        case (_,):
            return FlinkEnvironments.model_fields
        case ("environments", _, _):
            return EnvironmentSettings.model_fields
        case ("environments", _, "s3", _):
            return ("endpoint", "region")
        case _:
            return JobSettings.model_fields


def _place(key: tuple[str, ...], layer: Layer, file: Path) -> str:
    for length in range(len(key), 0, -1):
        if origin := layer.origins.get(key[:length]):
            return f"{origin}: {format_key(key)}"
    return f"{file}: {format_key(key)}"


def _advise(word: str, known: Iterable[str]) -> str:
    names = list(known)
    nearest = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"Did you mean {nearest[0]}?" if nearest else f"Known here: {', '.join(names)}."


def as_settings(target: JobTarget) -> dict[str, Any]:
    """Return the settings by which a job belongs to its environment; they override all others.

    They hold the name of the job on the cluster, and its folders for checkpoints and savepoints.
    """
    return {
        "stream_manager": {"job_name": target.name},
        "flink": {
            "execution.checkpointing.dir": target.checkpoints,
            "execution.checkpointing.savepoint-dir": target.savepoints,
        },
    }
