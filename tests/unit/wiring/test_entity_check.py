"""Check at the start that entities can be read: a wiki whose replica is behind is waited for, a wrong address is not."""

from __future__ import annotations

import pytest
from tests.unit.wiring.test_stated_server import configure, serve

from wikistate.errors import WikiError
from wikistate.testing.faults import HttpStatus, MissingRevision, Rule
from wikistate.wiring.wikibase import discover_wikibase


@pytest.mark.parametrize("fault", [None, MissingRevision(asks=3), MissingRevision(asks=1)])
async def test_replica_that_is_behind_is_waited_for(fault: MissingRevision | None) -> None:
    """The wiki lists an entity before EntityData shows it."""
    async with serve("") as wikibase:
        wikibase.replication_delay = 0.0 if fault else 0.3
        wikibase.set_faults([Rule(fault, path="EntityData")] if fault else [])
        assert (await discover_wikibase(configure(wikibase))).is_readable


async def test_entity_that_no_replica_shows_is_an_error() -> None:
    """The wait ends after `rdf.acceptable_lag`."""
    async with serve("") as wikibase:
        wikibase.replication_delay = 3600
        with pytest.raises(WikiError, match=r"the wiki lists Q1, and .* does not know this revision"):
            await discover_wikibase(configure(wikibase, "rdf.acceptable_lag=0.3"))


async def test_page_of_another_server_is_an_error_at_once() -> None:
    """A 404 that does not name the entity comes from a wrong address, for which no wait helps."""
    async with serve("") as wikibase:
        wikibase.set_faults([Rule(HttpStatus(404), path="EntityData")])
        with pytest.raises(WikiError, match="cannot be read"):
            await discover_wikibase(configure(wikibase, "rdf.acceptable_lag=3600"))
