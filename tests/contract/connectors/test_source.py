"""The contract of sources for each connector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.connectors.conftest import FEEDS, FILES, KAFKA, make_source_place, make_unbounded_source_place

from wikistate.testing.contracts.sources import CommitContract, SourceContract, UnboundedSourceContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wikistate.testing.contracts.sources import SourcePlace, UnboundedSourcePlace
    from wikistate.testing.sse import SseServer


class TestSources(SourceContract):
    """The suite for each source."""

    @pytest.fixture(params=["memory", *FILES, "pipe", *FEEDS, KAFKA])
    def place(self, request: pytest.FixtureRequest, tmp_path: Path, sse_server: SseServer) -> Iterator[SourcePlace]:
        """Return the place of each source."""
        yield from make_source_place(request, tmp_path, sse_server)


class TestCommits(CommitContract):
    """The suite for the sources whose commits outlive them: all but a pipe."""

    @pytest.fixture(params=["memory", *FILES, *FEEDS, KAFKA])
    def place(self, request: pytest.FixtureRequest, tmp_path: Path, sse_server: SseServer) -> Iterator[SourcePlace]:
        """Return the place of each source."""
        yield from make_source_place(request, tmp_path, sse_server)


class TestUnboundedSources(UnboundedSourceContract):
    """The suite for the sources that wait for more records: all but files."""

    @pytest.fixture(params=["memory", "pipe", *FEEDS, KAFKA])
    def place(
        self, request: pytest.FixtureRequest, tmp_path: Path, sse_server: SseServer
    ) -> Iterator[UnboundedSourcePlace]:
        """Return the place of each source."""
        yield from make_unbounded_source_place(request, tmp_path, sse_server)
