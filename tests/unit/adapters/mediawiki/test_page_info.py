"""What a wiki says of one page: what it has now, or that it has none; anything else is no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.mediawiki.page_info import PageInfoClient
from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import Mapping

SITE = WikibaseSite(
    domain="wikibase.example",
    wiki_id="wikibasewiki",
    concept_uri="http://wikibase.example",
    entity_data="https://wikibase.example/wiki/Special:EntityData/",
    models={0: "wikibase-item", 122: "wikibase-property"},
    pages=EntityPages(domain="wikibase.example", namespaces=frozenset({0, 122})),
    names={0: "", 122: "Eigenschaft"},
)


class Answering:
    """A wiki with one answer."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.asked: dict[str, str] = {}
        self._document = document

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """The answer."""
        del tries
        self.asked = dict(parameters)
        return self._document

    async def close(self) -> None:
        """Nothing is to be closed."""


def one(**page: Any) -> dict[str, Any]:
    """The answer about one page."""
    return {"query": {"pages": [page]}}


@pytest.mark.parametrize(
    ("entity", "named"),
    [("Q5", {"titles": "Q5"}), ("P7", {"titles": "Eigenschaft:P7"}), ("M33", {"pageids": "33"})],
)
async def test_a_page_is_named_as_its_wiki_names_it(entity: str, named: dict[str, str]) -> None:
    """By the namespace of its kind of entities; media info by the number of its page."""
    wiki = Answering(one(lastrevid=9))
    assert await PageInfoClient(wiki, SITE).current_revision(entity) == 9
    assert wiki.asked == {"prop": "info", **named}


async def test_a_page_that_is_missing_has_no_revision() -> None:
    """The wiki says so in as many words."""
    assert await PageInfoClient(Answering(one(title="Q5", missing=True)), SITE).current_revision("Q5") is None


@pytest.mark.parametrize("document", [{}, {"query": {}}, {"query": {"pages": []}}, one(title="Q5", invalid=True)])
async def test_what_is_no_answer_is_not_taken_for_a_missing_page(document: dict[str, Any]) -> None:
    """The entity would be deleted from the store."""
    with pytest.raises(WikiError, match="whether Q5 exists"):
        await PageInfoClient(Answering(document), SITE).current_revision("Q5")
