"""Where a job that runs on this machine alone keeps its checkpoints and savepoints, and which one it goes on from.

On a cluster this is the affair of Flink, its operator or ``flink run -s``.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_CHECKPOINTS = "execution.checkpointing.dir"
_SAVEPOINTS = "execution.checkpointing.savepoint-dir"
_RESUME = "execution.state-recovery.path"
_METADATA = "_metadata"  # written last: a snapshot that has it is whole


def state_folder(job_name: str) -> Path:
    """The job's folder for what must outlive its process, by the XDG Base Directory Specification."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "wikistate" / "flink" / job_name


def with_snapshots(options: dict[str, str], folder: Path) -> dict[str, str]:
    """The options, with places for snapshots where they name none, going on from the newest snapshot there.

    A stop makes a savepoint and a crash leaves the last checkpoint: whichever is newer is what was done last.
    """
    places = {_CHECKPOINTS: (folder / "checkpoints").as_uri(), _SAVEPOINTS: (folder / "savepoints").as_uri()}
    options = places | options
    newest = newest_snapshot(options[_CHECKPOINTS], options[_SAVEPOINTS])
    return options if newest is None else {_RESUME: newest} | options


def newest_snapshot(*places: str) -> str | None:
    """The address of the newest whole snapshot in these places, None where there is none.

    Args:
        places: Addresses of folders; those that are not on this machine are passed over.
    """
    found = [
        (metadata.stat().st_mtime_ns, metadata.parent)
        for place in places
        if (folder := _local(place)) is not None
        # A savepoint lies in the folder itself, a checkpoint in a folder of its job: <job id>/chk-<number>.
        for pattern in (f"*/{_METADATA}", f"*/chk-*/{_METADATA}")
        for metadata in folder.glob(pattern)
    ]
    return max(found)[1].as_uri() if found else None


def _local(address: str) -> Path | None:
    parts = urlsplit(address)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None
