"""Checkpoints and savepoints in their folders, for a job that no JobManager knows any more.

A checkpoint is complete when it has its file ``_metadata``, which Flink writes last. Source: Apache Flink 2.3 documentation,
"Checkpoints": the layout is ``<folder>/<job id>/chk-<number>/_metadata``.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from wikistate.errors import ConfigError
from wikistate.ops.flink_jobs.answers import Snapshot
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.object_store import S3Store, has_access_key
from wikistate.ops.flink_jobs.snapshot_paths import S3_SCHEMES, local_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from wikistate.config.flink_environments import ObjectStoreSettings

METADATA = "_metadata"
MAX_FILES = 1_000_000
"""Files of a folder of snapshots that are looked at. A job with thousands of subtasks has some thousand files a checkpoint."""

_CHECKPOINT = re.compile(r"([0-9a-f]{32})/chk-([0-9]{1,18})/_metadata")
_SAVEPOINT = re.compile(r"([^/]{1,255})/_metadata")


class StoredFile(NamedTuple):
    """A file in a folder of snapshots.

    Attributes:
        name: Path in the folder, with slashes.
        time: Time of its last change; milliseconds since the epoch.
    """

    name: str
    time: int


async def find_snapshots(folder: str, *, are_savepoints: bool, access: ObjectStoreSettings) -> tuple[Snapshot, ...]:
    """Return the complete snapshots in a folder: the last checkpoint of each job, or all savepoints.

    Args:
        folder: Folder, a URI.
        are_savepoints: Whether savepoints are wanted, else checkpoints.
        access: Access to an S3 store.

    Raises:
        ConfigError: Files of this scheme cannot be listed here.
        FlinkJobError: The store does not answer, or the folder cannot be read.
    """
    files = await _list_files(folder, access)
    return tuple(_savepoints(folder, files) if are_savepoints else _last_checkpoints(folder, files))


async def require_snapshot(uri: str, *, option: str, access: ObjectStoreSettings) -> None:
    """Check that a snapshot is complete, if its files can be listed here. Flink checks the others.

    Raises:
        FlinkJobError: There is none, or it is not complete.
    """
    if not can_list(uri, access):
        return
    folder = uri.removesuffix(f"/{METADATA}")
    if any(file.name == METADATA for file in await _list_files(folder, access, is_flat=True)):
        return
    raise FlinkJobError(
        f"{option}: {uri} is not a complete savepoint or checkpoint: there is no {folder}/{METADATA}.",
        hint="Flink writes this file last. `JOB list` shows the snapshots of a job.",
        failure=JobFailure.SNAPSHOT_MISSING,
    )


def can_list(uri: str, access: ObjectStoreSettings) -> bool:
    """Return whether the files of a folder can be listed here: on this machine, or with the key of a store."""
    return local_path(uri) is not None or (uri.split(":", maxsplit=1)[0] in S3_SCHEMES and has_access_key(access))


def _last_checkpoints(folder: str, files: Iterable[StoredFile]) -> Iterator[Snapshot]:
    last: dict[str, tuple[int, int]] = {}
    for file in files:
        if match := _CHECKPOINT.fullmatch(file.name):
            last[match[1]] = max(last.get(match[1], (-1, 0)), (int(match[2]), file.time))
    for job_id, (number, time) in last.items():
        yield Snapshot(f"{folder}/{job_id}/chk-{number}", time, job_id, is_savepoint=False)


def _savepoints(folder: str, files: Iterable[StoredFile]) -> Iterator[Snapshot]:
    for file in files:
        if match := _SAVEPOINT.fullmatch(file.name):
            yield Snapshot(f"{folder}/{match[1]}", file.time, "", is_savepoint=True)


async def _list_files(folder: str, access: ObjectStoreSettings, *, is_flat: bool = False) -> Sequence[StoredFile]:
    """Return the files of a folder; none for a folder that does not exist."""
    path = local_path(folder)
    if path is not None:
        return await asyncio.to_thread(_list_local, path, is_flat=is_flat)
    scheme, _, rest = folder.partition("://")
    if scheme not in S3_SCHEMES:
        raise ConfigError(
            f"{folder}: snapshots in {scheme}: cannot be listed here.",
            hint="Name the snapshot by --from, for example after `hdfs dfs -ls`.",
        )
    bucket, _, key = rest.partition("/")
    async with S3Store(access) as store:
        objects = await store.list_objects(bucket, f"{key}/", most=MAX_FILES, is_flat=is_flat)
    return [StoredFile(name.removeprefix(f"{key}/"), time) for name, time in objects]


def _list_local(folder: Path, *, is_flat: bool) -> list[StoredFile]:
    found: list[StoredFile] = []
    pending = [(folder, 0)]
    depth = 0 if is_flat else 2  # <job id>/chk-N/_metadata
    try:
        while pending:
            current, level = pending.pop()
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.name == METADATA and entry.is_file():
                        name = os.path.relpath(entry.path, folder).replace(os.sep, "/")
                        found.append(StoredFile(name, entry.stat().st_mtime_ns // 1_000_000))
                    elif level < depth and entry.is_dir():
                        pending.append((current / entry.name, level + 1))
    except (FileNotFoundError, NotADirectoryError):
        return found  # nothing was written yet, or a checkpoint was removed meanwhile
    except OSError as error:
        raise FlinkJobError(
            f"{folder} cannot be read: {error.strerror or error}.",
            hint="The folders of checkpoints and savepoints must be readable on this machine.",
            failure=JobFailure.SNAPSHOT_MISSING,
        ) from error
    return found
