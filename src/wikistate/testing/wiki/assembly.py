"""From the parts of a query's answer to its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from wikistate.testing.wiki.cached_bodies import CachedBody

if TYPE_CHECKING:
    from wikistate.testing.wiki.datasets import RevisionFragment


def assemble_document(
    head: dict[str, Any], pages: dict[int, dict[str, Any]], chosen: list[RevisionFragment], *, stopped: int | None
) -> list[CachedBody]:
    """The document. Pages without a revision in this answer are in it, too.

    Args:
        head: All of it except the pages.
        pages: The pages without revisions, in order.
        chosen: The revisions.
        stopped: The page whose revision was the first that did not fit; it has a list even if that is empty.
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
