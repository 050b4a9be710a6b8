"""Where a job that runs on this machine alone keeps its checkpoints and savepoints, and which one it goes on from.

On a cluster this is the affair of Flink, its operator or ``flink run -s``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wikistate.config.paths import state_home

if TYPE_CHECKING:
    from wikistate.wiring.endpoints import SourceEndpoint

_CHECKPOINTS = "execution.checkpointing.dir"
_SAVEPOINTS = "execution.checkpointing.savepoint-dir"
_RESUME = "execution.state-recovery.path"
_CLAIM = "execution.state-recovery.claim-mode"
_METADATA = "_metadata"  # written last: a snapshot that has it is whole


def state_folder(job_name: str, source: SourceEndpoint) -> Path:
    """The job's folder for what must outlive its process.

    Args:
        job_name: Of the job; several jobs may have the same.
        source: What it reads: the positions in a snapshot belong to that, and to nothing else.
    """
    digest = hashlib.sha256(source.identity.encode()).hexdigest()[:8]
    return state_home() / "flink" / f"{job_name}-{digest}"


def add_snapshot_options(options: dict[str, str], folder: Path) -> dict[str, str]:
    """The options, with places for snapshots where they name none, going on from the newest snapshot there.

    A stop makes a savepoint and a crash leaves the last checkpoint: whichever is newer is what was done last. The job
    that goes on from it claims it, and Flink removes it once it is outdated: left lying, it would be found by a later
    run and lead back.
    """
    places = {_CHECKPOINTS: (folder / "checkpoints").as_uri(), _SAVEPOINTS: (folder / "savepoints").as_uri()}
    options = places | options
    newest = find_newest_snapshot(options[_CHECKPOINTS], options[_SAVEPOINTS])
    return options if newest is None else {_RESUME: newest, _CLAIM: "CLAIM"} | options


def find_newest_snapshot(*addresses: str) -> str | None:
    """The address of the newest whole snapshot in these places, None where there is none.

    Args:
        addresses: Addresses of folders; those that are not on this machine are passed over.
    """
    found = [
        (metadata.stat().st_mtime_ns, metadata.parent)
        for place in addresses
        if (folder := _local_path(place)) is not None
        # A savepoint lies in the folder itself, a checkpoint in a folder of its job: <job id>/chk-<number>.
        for pattern in (f"*/{_METADATA}", f"*/chk-*/{_METADATA}")
        for metadata in folder.glob(pattern)
    ]
    return max(found)[1].as_uri() if found else None


def _local_path(address: str) -> Path | None:
    parts = urlsplit(address)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None
