"""Parts that several files share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.flink_cluster import SessionCluster

from wikistate.testing.wikibase.process import WikibaseProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.s3_store import S3StoreProcess


@pytest.fixture(scope="session")
def session_cluster(
    flink_python: Path, s3_store: S3StoreProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SessionCluster]:
    """Running cluster with one slot and access to the S3 store, one for the session: each test stops its jobs.

    It knows only the Python environment in which wikistate is installed.
    """
    folder = tmp_path_factory.mktemp("flink-cluster")
    with SessionCluster(flink_python, folder, s3_endpoint=s3_store.endpoint) as cluster:
        yield cluster


@pytest.fixture
async def wikibase() -> AsyncIterator[WikibaseProcess]:
    """Small Wikibase in a separate process."""
    async with WikibaseProcess("--entities", "20", "--triples", "60") as wikibase:
        yield wikibase
