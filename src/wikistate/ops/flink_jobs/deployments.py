"""The deployments of a job: copies of the submitted files, from which a rollback starts the old version again.

The files of a deployment may be overwritten by those of the next one before it is known to run, so each deployment has
copies. They lie in the folder of records, one folder each, with a file that describes them.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
import yaml

from wikistate.adapters.durable_files import write_durably
from wikistate.adapters.private_files import create_private, make_private_folder
from wikistate.core.events.fields import FieldError, Fields
from wikistate.errors import ConfigError, StateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

KEPT = 5
"""Deployments of a job that are kept, beside the running one."""

_DESCRIPTION = "deployment.json"
_SAVEPOINTS = "savepoints.json"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version of a job as it was submitted.

    Attributes:
        folder: Folder of its files.
        run: Job of wikistate.
        files: Names of the configuration files, in the order in which later ones override earlier ones.
        package: Name of the package or archive; empty for the installed version.
        parallelism: Number of subtasks by the file of environments.
        job_id: Id of the job on the cluster; empty before it was submitted.
        created: Time of its creation, in RFC 3339.
        worked: Time at which it was last known to work, in RFC 3339; empty if it never was.
    """

    folder: Path
    run: str
    files: tuple[str, ...]
    package: str
    parallelism: int
    job_id: str = ""
    created: str = ""
    worked: str = ""

    @property
    def last_use(self) -> str:
        """Time by which deployments are in order."""
        return max(self.created, self.worked)

    @property
    def package_path(self) -> Path | None:
        """Path of the package or archive; None for the installed version."""
        return self.folder / self.package if self.package else None

    @property
    def configuration_paths(self) -> tuple[Path, ...]:
        """Paths of the configuration files."""
        return tuple(self.folder / name for name in self.files)


class DeploymentRecords:
    """The deployments of one job in one environment.

    Args:
        folder: Folder of the job.

    Raises:
        StateError: All methods raise it if the folder cannot be read or written, or a record is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(
        self,
        run: str,
        layers: Sequence[Path | Mapping[str, Any]],
        *,
        package: Path | None,
        parallelism: int,
    ) -> Deployment:
        """Copy the files of a new deployment.

        Args:
            run: Job of wikistate.
            layers: Configuration files, and settings that become files, in the order of their precedence.
            package: Package or archive; None for the installed version.
            parallelism: Number of subtasks.

        Raises:
            ConfigError: A file cannot be read.
        """
        folder = self._folder / f"{datetime.now(tz=UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"
        try:
            make_private_folder(folder)
            names: list[str] = []
            for number, layer in enumerate(layers):
                if isinstance(layer, Path):
                    names.append(f"{number:02}-{layer.name}")
                    _copy(layer, folder / names[-1])
                else:
                    names.append(f"{number:02}-environment.yaml")
                    write_durably(folder / names[-1], yaml.safe_dump(dict(layer)).encode())
            if package is not None:
                _copy(package, folder / package.name)
        except OSError as error:
            raise self._failure(error) from error
        made = Deployment(
            folder,
            run,
            tuple(names),
            package.name if package is not None else "",
            parallelism,
            created=_now(),
        )
        self._write(made)
        return made

    def note_job(self, deployment: Deployment, job_id: str) -> Deployment:
        """Record the id that a submitted deployment has on the cluster, remove the oldest ones, and return it."""
        noted = replace(deployment, job_id=job_id)
        self._write(noted)
        kept = {each.folder for each in self.list_all()[:KEPT]}
        if (last := self.find_last()) is not None:
            kept.add(last.folder)
        for folder in set(self._folders()) - kept:
            shutil.rmtree(folder, ignore_errors=True)
        return noted

    def note_success(self, deployment: Deployment) -> Deployment:
        """Record that a deployment works, and return it."""
        noted = replace(deployment, worked=_now())
        self._write(noted)
        return noted

    def remove(self, deployment: Deployment) -> None:
        """Remove a deployment that was never submitted."""
        shutil.rmtree(deployment.folder, ignore_errors=True)

    def find(self, job_id: str) -> Deployment | None:
        """Return the deployment that runs as a job; None if this folder has no record of it."""
        return next((each for each in self.list_all() if each.job_id == job_id), None)

    def find_last(self) -> Deployment | None:
        """Return the deployment that worked last; None without one."""
        return next((each for each in self.list_all() if each.worked), None)

    def list_all(self) -> list[Deployment]:
        """Return the submitted deployments, the last one first."""
        found = [each for folder in self._folders() if (each := self._read(folder)) is not None and each.job_id]
        return sorted(found, key=lambda each: each.last_use, reverse=True)

    def note_savepoint(self, path: str, keep: int | None) -> tuple[str, ...]:
        """Record a new savepoint, and return those that are one too many, oldest first."""
        known = self._read_savepoints()
        known.append(path)
        surplus = known[: -keep or None] if keep is not None else []
        self._write_savepoints(known)
        return tuple(surplus)

    def forget_savepoint(self, path: str) -> None:
        """Forget a savepoint that was disposed of."""
        self._write_savepoints([each for each in self._read_savepoints() if each != path])

    def _read_savepoints(self) -> list[str]:
        with suppress(FileNotFoundError):
            values = self._parse(self._folder / _SAVEPOINTS).get_list("paths")
            return [each for each in values if isinstance(each, str)]
        return []

    def _write_savepoints(self, paths: Sequence[str]) -> None:
        try:
            make_private_folder(self._folder)
            write_durably(self._folder / _SAVEPOINTS, orjson.dumps({"paths": list(paths)}))
        except OSError as error:
            raise self._failure(error) from error

    def _folders(self) -> list[Path]:
        try:
            return sorted(each for each in self._folder.iterdir() if each.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failure(error) from error

    def _read(self, folder: Path) -> Deployment | None:
        path = folder / _DESCRIPTION
        try:
            found = self._parse(path)
        except FileNotFoundError:
            return None  # its creation was interrupted
        try:
            files = tuple(each for each in found.get_list("files") if isinstance(each, str))
            return Deployment(
                folder,
                found.text("run"),
                files,
                found.get_text("package"),
                found.integer("parallelism", minimum=1),
                found.get_text("job_id"),
                found.get_text("created"),
                found.get_text("worked"),
            )
        except FieldError as error:
            raise StateError(f"{path} is damaged: {error}.", hint=f"Move {folder} away.") from None

    def _parse(self, path: Path) -> Fields:
        try:
            return Fields(orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._failure(error) from error
        except (orjson.JSONDecodeError, FieldError) as error:
            raise StateError(f"{path} is damaged: {error}.", hint="Move it away.") from None

    def _write(self, deployment: Deployment) -> None:
        values = asdict(deployment)
        del values["folder"]
        try:
            write_durably(deployment.folder / _DESCRIPTION, orjson.dumps(values))
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> StateError:
        return StateError(
            f"The records of deployments in {self._folder} cannot be used: {error.filename}: {error.strerror or error}.",
            hint="Check the folder, or set `records` of the environment.",
        )


def _copy(source: Path, target: Path) -> None:
    try:
        stream = source.open("rb")
    except OSError as error:
        raise ConfigError(f"{source} cannot be read: {error.strerror or error}.", key=str(source)) from None
    with stream, os.fdopen(create_private(target), "wb") as copy:
        shutil.copyfileobj(stream, copy)


def _now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds")
