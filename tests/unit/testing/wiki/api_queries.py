"""Queries of revisions to the Action API of the test wiki, without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from wikistate.demo.pages import Page, Revision, Wiki
from wikistate.testing.wiki import Limits, MemoryDataset, SyntheticDataset
from wikistate.testing.wiki.api import ActionApi
from wikistate.testing.wiki.cached_bodies import join_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

WIKI = Wiki("enwiki", "en.wikipedia.org", namespaces={0: "", 1: "Talk"})
EVERYTHING = (
    "ids|timestamp|flags|size|sha1|slotsize|slotsha1|contentmodel|roles|content|user|userid|comment|parsedcomment|tags"
)
CONTENT = {"action": "query", "format": "json", "formatversion": "2", "prop": "revisions", "rvslots": "*"}


def world(*revisions: Revision, page: Page | None = None) -> MemoryDataset:
    """Return a data set of one wiki with one page."""
    made = MemoryDataset(WIKI)
    made.put(WIKI, page or Page(7, "River Ash"), *revisions)
    return made


def query(
    of: MemoryDataset | SyntheticDataset,
    *revids: int,
    limits: Limits | None = None,
    more: Mapping[str, str] | None = None,
    **params: str,
) -> dict[str, Any]:
    """Return the document that answers a query for revisions with all properties."""
    asked = {"revids": "|".join(map(str, revids))} if revids else {}
    reply = ActionApi(of, limits=limits).handle_api(
        WIKI, CONTENT | {"rvprop": EVERYTHING} | asked | params | dict(more or {})
    )
    document: dict[str, Any] = orjson.loads(join_plain(reply.pieces))
    return document


def only(of: MemoryDataset, rev_id: int, **params: str) -> dict[str, Any]:
    """Return the only revision of a response."""
    (page,) = query(of, rev_id, more=params)["query"]["pages"]
    (found,) = page["revisions"]
    assert isinstance(found, dict)
    return found
