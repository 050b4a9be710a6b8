"""The contract of triple stores for the embedded store and each kind of SPARQL endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.testing.contracts.stores import StoreContract

if TYPE_CHECKING:
    from tests.contract.triplestore.conftest import StoreTarget


class TestStores(StoreContract):
    """The suite for each store of the fixture `target`."""

    @pytest.fixture
    def place(self, target: StoreTarget) -> StoreTarget:
        """Return each kind of store, empty."""
        return target
