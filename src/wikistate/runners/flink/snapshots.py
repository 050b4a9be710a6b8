"""The checkpoints and savepoints of a job on an embedded cluster: their folder, and the one from which it resumes.

On a given cluster, Flink, its Kubernetes operator or ``flink run -s`` define both.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wikistate.config.paths import make_file_name, state_home

if TYPE_CHECKING:
    from wikistate.wiring.endpoints import SourceEndpoint

_CHECKPOINTS = "execution.checkpointing.dir"
_SAVEPOINTS = "execution.checkpointing.savepoint-dir"
_RESUME = "execution.state-recovery.path"
_CLAIM = "execution.state-recovery.claim-mode"
_METADATA = "_metadata"  # written last: a snapshot with this file is complete


def state_folder(job_name: str, source: SourceEndpoint) -> Path:
    """Return the folder for the files of a job that must outlive its process.

    Args:
        job_name: The name of the job; several jobs may have the same.
        source: The source: the positions in a snapshot are valid for this source only.
    """
    digest = hashlib.sha256(source.identity.encode()).hexdigest()[:8]
    return state_home() / "flink" / f"{make_file_name(job_name)}-{digest}"


def add_snapshot_options(options: dict[str, str], folder: Path) -> dict[str, str]:
    """Return the options with folders for snapshots, unless they name some, and with the newest snapshot to resume from.

    A stop makes a savepoint and a crash leaves the last checkpoint; the newer one has the latest positions. The job
    that resumes from it claims it, and Flink removes it once it is outdated: otherwise a later run could find it and
    move back.
    """
    places = {_CHECKPOINTS: (folder / "checkpoints").as_uri(), _SAVEPOINTS: (folder / "savepoints").as_uri()}
    options = places | options
    newest = find_newest_snapshot(options[_CHECKPOINTS], options[_SAVEPOINTS])
    return options if newest is None else {_RESUME: newest, _CLAIM: "CLAIM"} | options


def find_newest_snapshot(*addresses: str) -> str | None:
    """Return the address of the newest complete snapshot in these folders; None if there is none.

    Args:
        addresses: The addresses of folders; those that are not on this machine are ignored.
    """
    found = [
        (metadata.stat().st_mtime_ns, metadata.parent)
        for address in addresses
        if (folder := _local_path(address)) is not None
        # A savepoint lies in the folder itself, a checkpoint in a folder of its job: <job id>/chk-<number>.
        for pattern in (f"*/{_METADATA}", f"*/chk-*/{_METADATA}")
        for metadata in folder.glob(pattern)
    ]
    return max(found)[1].as_uri() if found else None


def _local_path(address: str) -> Path | None:
    parts = urlsplit(address)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None
