"""The options of Flink for the job that loads an initial state. Pure, but for the search for snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.config.model import DeliveryGuarantee
from wikistate.errors import StateError
from wikistate.runners.flink.options import build_flink_options
from wikistate.runners.flink.snapshots import add_snapshot_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

SAVEPOINTS = "execution.checkpointing.savepoint-dir"
"""The option of Flink that names the folder of savepoints."""

_RESUME = "execution.state-recovery.path"
_OF_THE_JOB = ("execution.checkpointing.interval", "execution.state-recovery.", "pipeline.name")
"""Options of the job that is started afterwards, which do not apply to the load: it is short, and starts without state."""


def build_bootstrap_options(flink: Mapping[str, Any], *, already_set: AbstractSet[str] = frozenset()) -> dict[str, str]:
    """Return the options of Flink, from those of the job that starts from the savepoint.

    See `build_flink_options` for the arguments and the errors. A failed load is not restarted: its cause would come late.
    """
    options = build_flink_options(flink, DeliveryGuarantee.AT_LEAST_ONCE, already_set=already_set)
    return {key: value for key, value in options.items() if not key.startswith(_OF_THE_JOB)} | {
        "restart-strategy.type": "none"
    }


def place_savepoint(options: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the options with the folders of the job for snapshots, where its next run on an embedded cluster finds them.

    Args:
        options: The options.
        folder: The folder of the job.

    Raises:
        StateError: The job has a snapshot already, which would be mixed with the new one.
    """
    placed = add_snapshot_options(dict(options), folder)
    if (found := placed.get(_RESUME)) is not None:
        raise StateError(
            f"The job has a snapshot already: {found}.",
            hint=f"Move the folder {folder} away, or use another stream_manager.job_name.",
            path=found,
        )
    return placed
