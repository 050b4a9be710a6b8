"""Assembly of the parts of a query response to its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from wikistate.testing.wiki.cached_bodies import CachedBody

if TYPE_CHECKING:
    from wikistate.testing.wiki.datasets import RevisionFragment


def assemble_document(
    head: dict[str, Any], pages: dict[int, dict[str, Any]], chosen: list[RevisionFragment], *, stopped: int | None
) -> list[CachedBody]:
    """Return the document with all pages, also those without a revision in this response.

    Args:
        head: Members of the document except the pages.
        pages: Pages without their revisions, in order.
        chosen: Revisions.
        stopped: Page of the first revision that did not fit; its list of revisions is present even if it is empty.
    """
    query = head.pop("query")
    if not pages:
        return [CachedBody(orjson.dumps(head | {"query": query} if query else head))]
    by_page: dict[int, list[RevisionFragment]] = {}
    for fragment in chosen:
        by_page.setdefault(fragment.page.page_id, []).append(fragment)
    if stopped is not None:
        by_page.setdefault(stopped, [])
    start = orjson.dumps(head)[:-1] + b',"query":' + orjson.dumps(query)[:-1] + (b"," if query else b"")
    pieces = [CachedBody(start + b'"pages":')]
    separator = b"["
    for page_id, shown in pages.items():
        pieces += _assemble_page(separator, shown, by_page.get(page_id))
        separator = b","
    return [*pieces, CachedBody(b"]}}")]


def _assemble_page(
    separator: bytes, shown: dict[str, Any], fragments: list[RevisionFragment] | None
) -> list[CachedBody]:
    start = separator + orjson.dumps(shown)
    if fragments is None:
        return [CachedBody(start)]
    pieces = [CachedBody(start[:-1] + b',"revisions":[')]
    for number, fragment in enumerate(fragments):
        if number:
            pieces.append(CachedBody(b","))
        pieces += fragment.pieces
    return [*pieces, CachedBody(b"]}")]
