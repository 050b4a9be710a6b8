"""Current revision of a page, or none if the page is missing; an unusable response is an error."""

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


class OneResponseWiki:
    """Wiki with one response."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.asked: dict[str, str] = {}
        self._document = document

    async def open(self) -> None:
        """Do nothing."""

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """Return the response."""
        del tries
        self.asked = dict(parameters)
        return self._document

    async def close(self) -> None:
        """Do nothing."""


def one(**page: Any) -> dict[str, Any]:
    """Return the response about one page."""
    return {"query": {"pages": [page]}}


@pytest.mark.parametrize(
    ("entity", "named"),
    [("Q5", {"titles": "Q5"}), ("P7", {"titles": "Eigenschaft:P7"}), ("M33", {"pageids": "33"})],
)
async def test_page_is_named_as_on_its_wiki(entity: str, named: dict[str, str]) -> None:
    """Entities use the namespace of their kind; media info uses the id of the page."""
    wiki = OneResponseWiki(one(lastrevid=9))
    assert await PageInfoClient(wiki, SITE).current_revision(entity) == 9
    assert wiki.asked == {"prop": "info", **named}


async def test_missing_page_has_no_revision() -> None:
    """The response of the wiki marks the page as missing."""
    assert await PageInfoClient(OneResponseWiki(one(title="Q5", missing=True)), SITE).current_revision("Q5") is None


@pytest.mark.parametrize("document", [{}, {"query": {}}, {"query": {"pages": []}}, one(title="Q5", invalid=True)])
async def test_unusable_response_does_not_mean_a_missing_page(document: dict[str, Any]) -> None:
    """A missing page would be deleted from the store."""
    with pytest.raises(WikiError, match="whether Q5 exists"):
        await PageInfoClient(OneResponseWiki(document), SITE).current_revision("Q5")
