"""Parts that several files share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.flink_cluster import SessionCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def session_cluster(flink_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionCluster]:
    """Running cluster with one slot, one for the session: each test stops its jobs.

    It knows only the Python environment in which wikistate is installed.
    """
    with SessionCluster(flink_python, tmp_path_factory.mktemp("flink-cluster")) as cluster:
        yield cluster
