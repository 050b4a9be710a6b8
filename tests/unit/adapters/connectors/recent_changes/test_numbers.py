"""Numbers in the answers of a wiki that are out of bounds: the change is refused with the field, and the next one follows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tests.unit.adapters.connectors.recent_changes.paged_wiki import PagedWiki
from tests.unit.adapters.connectors.recent_changes.test_source import (
    NOON,
    ScriptedWiki,
    following,
    kinds_and_revisions,
    logged,
    saved,
)

from wikistate.core.events.integers import MAX_INTEGER
from wikistate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

OUT_OF_BOUNDS = [2**63, 1e22, -3, "12 pages", "9" * 5000, True]


@pytest.mark.parametrize("number", OUT_OF_BOUNDS)
@pytest.mark.parametrize("field", ["revid", "pageid", "old_revid", "ns", "newlen", "rcid"])
async def test_number_of_a_row_is_bounded(field: str, number: object) -> None:
    """The reason names the field and the wiki."""
    wiki = ScriptedWiki()
    wiki.recent = [saved(1) | {field: number}, saved(2)]
    good, refused = await (await following(wiki)).receive() or []
    assert kinds_and_revisions([good]) == [("edit", 2)]
    assert re.search(rf"http://wiki\.example/api\.php.*\.{field} is .* to {MAX_INTEGER}", refused.record.refusal)


@pytest.mark.parametrize("number", [*OUT_OF_BOUNDS, None])
async def test_namespace_of_the_target_of_a_move_is_bounded(number: object) -> None:
    """The reason names the log entry."""
    wiki = ScriptedWiki()
    wiki.recent = [saved(2)]
    wiki.logged = [logged(5, "move", "move", target_title="Page 10", target_ns=number)]
    good, refused = await (await following(wiki)).receive() or []
    assert (kinds_and_revisions([good]), "log:5" in refused.record.refusal) == ([("edit", 2)], True)


@pytest.mark.parametrize("stated", [4, "4"])
async def test_namespace_of_the_target_of_a_move_may_be_a_text(stated: object) -> None:
    """Parameters of old log entries are texts."""
    wiki = ScriptedWiki()
    wiki.logged = [logged(5, "move", "move", target_title="Page 10", target_ns=stated, suppressredirect=True)]
    (arrival,) = await (await following(wiki)).receive() or []
    assert orjson.loads(arrival.record.value or b"")["page"]["namespace_id"] == 4


@pytest.mark.parametrize("number", OUT_OF_BOUNDS)
async def test_revisions_of_a_change_of_visibility_are_bounded(number: object) -> None:
    """The reason names the log entry."""
    wiki = ScriptedWiki()
    wiki.logged = [logged(6, "delete", "revision", type="revision", ids=[1, number])]
    (refused,) = await (await following(wiki)).receive() or []
    assert "log:6" in refused.record.refusal


@pytest.mark.parametrize("number", OUT_OF_BOUNDS)
@pytest.mark.parametrize("field", ["pageid", "lastrevid", "ns"])
async def test_number_of_a_page_is_bounded(field: str, number: object) -> None:
    """The list of pages and the details of a change have the same check."""

    class OddWiki(PagedWiki):
        async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
            document = await super().query(parameters, tries=tries)
            for page in document.get("query", {}).get("pages", []):
                page[field] = number
            return document

    wiki = OddWiki()
    wiki.create(9, 1)
    wiki.recent = [saved(1, at=NOON)]
    (refused,) = await (await following(wiki)).receive() or []
    assert f".{field} is " in refused.record.refusal


@pytest.mark.parametrize("number", OUT_OF_BOUNDS)
async def test_number_of_a_namespace_is_bounded(number: object) -> None:
    """It is read at the start, which ends with the cause."""

    class OddWiki(ScriptedWiki):
        async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
            document = await super().query(parameters, tries=tries)
            if "namespaces" in document.get("query", {}):
                document["query"]["namespaces"] = {"0": {"id": number}}
            return document

    with pytest.raises(SourceError, match=r"query\.namespaces\.0\.id is"):
        await following(OddWiki())
