"""The contract of sinks for each connector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.connectors.conftest import FILES, KAFKA, make_sink_place

from wikistate.testing.contracts.sinks import SinkContract

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.testing.contracts.sinks import SinkPlace


class TestSinks(SinkContract):
    """The suite for each sink."""

    @pytest.fixture(params=["memory", *FILES, "parquet", KAFKA])
    def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> SinkPlace:
        """Return the place of each sink."""
        return make_sink_place(request, tmp_path)
