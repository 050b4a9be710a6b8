"""Values in two spellings that a store holds as one term: an edit that removes one spelling keeps the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.sync_run import COMPLETE_MESSAGE, SyncRun, load_from_scratch, read_folder

from wikistate.testing.wikibase import FakeWikibase, Item, Repository
from wikistate.testing.wikibase.entities import Statement
from wikistate.testing.wikibase.values import Moment, Monolingual, Quantity

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.testing.wikibase.values import Value

PAIRS: dict[str, tuple[Value, Value]] = {
    "numbers": (Quantity("+1"), Quantity("+1.0")),
    "times": (Moment("2000-01-01T00:00:00Z"), Moment("2000-01-01T00:00:00+00:00")),
    "end-of-day": (Moment("2000-01-02T00:00:00Z"), Moment("2000-01-01T24:00:00Z")),
    "languages": (Monolingual("a", "en"), Monolingual("a", "EN")),
}


@pytest.mark.parametrize("stays", [0, 1], ids=["first-stays", "second-stays"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
async def test_equal_value_of_another_statement_stays(pair: tuple[Value, Value], stays: int, tmp_path: Path) -> None:
    """Two statements of a property have the two spellings, and an edit removes one statement."""
    repository = Repository()
    statements = [Statement(f"Q1${name}", "P5", value) for name, value in zip("AB", pair, strict=True)]
    repository.save(Item(id="Q1", statements=tuple(statements)))
    async with FakeWikibase(repository) as wikibase:
        synced = SyncRun(wikibase, tmp_path)
        async with synced.start() as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            repository.save(Item(id="Q1", statements=(statements[stays],)))
            await synced.assert_catches_up(command)
    expected = load_from_scratch(repository)
    assert read_folder(tmp_path) == expected
    assert any("/prop/direct/P5" in quad for quad in expected)
