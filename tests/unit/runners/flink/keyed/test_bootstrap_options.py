"""The options of the job that loads an initial state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.errors import StateError
from wikistate.runners.flink.keyed.bootstrap_options import SAVEPOINTS, build_bootstrap_options, place_savepoint
from wikistate.runners.flink.options import DEFAULTS

if TYPE_CHECKING:
    from pathlib import Path


def test_options_are_those_of_the_job_that_starts_from_the_savepoint() -> None:
    """But the load takes no checkpoints, starts without state, and is not restarted."""
    options = build_bootstrap_options(
        {
            "state.backend.type": "hashmap",
            "execution": {"checkpointing.interval": "5 s", "state-recovery": {"path": "file:///old"}},
            "restart-strategy.type": "fixed-delay",
        }
    )
    assert options["state.backend.type"] == "hashmap"
    assert options["pipeline.max-parallelism"] == DEFAULTS["pipeline.max-parallelism"]
    assert options["restart-strategy.type"] == "none"
    assert not {"execution.checkpointing.interval", "execution.state-recovery.path"} & options.keys()


def test_options_of_a_cluster_win_over_defaults() -> None:
    """As for any job."""
    assert "pipeline.max-parallelism" not in build_bootstrap_options({}, already_set={"pipeline.max-parallelism"})


def test_savepoint_is_placed_where_the_job_searches(tmp_path: Path) -> None:
    """A configured folder is kept."""
    assert place_savepoint({}, tmp_path)[SAVEPOINTS] == (tmp_path / "savepoints").as_uri()
    assert place_savepoint({SAVEPOINTS: "s3://b/s"}, tmp_path)[SAVEPOINTS] == "s3://b/s"


@pytest.mark.parametrize("name", ["savepoints/savepoint-1-2", "checkpoints/job/chk-3"])
def test_job_that_has_a_snapshot_is_not_bootstrapped(tmp_path: Path, name: str) -> None:
    """Its next run would start from the newer one of the two."""
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name / "_metadata").touch()
    with pytest.raises(StateError, match=rf"has a snapshot already: .*{name}.*Move the folder {tmp_path}"):
        place_savepoint({}, tmp_path)
