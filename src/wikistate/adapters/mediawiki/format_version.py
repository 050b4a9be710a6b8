"""Recognition of answers in format version 1, the old form of the JSON of the Action API.

All requests ask for ``formatversion=2``. A wiki before MediaWiki 1.25 does not know the parameter, and a proxy may drop it.
In the old form lists are objects by page id, texts have the key ``*``, and a flag is an empty text or absent. Read as the
new form, it says that there are no pages, and that no revision exists.

Source: MediaWiki Action API documentation (API:JSON version 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REQUEST_PARAMETER = "formatversion=1"
"""Parameter of a query that asks for the old form on purpose."""

_FLAGS = ("anon", "bot", "content", "minor", "missing", "new", "redirect")


def find_old_format(document: Mapping[str, Any]) -> str | None:
    """Return the sign by which a document is in format version 1; None for the new form.

    Args:
        document: Document of an answer, without an error.
    """
    if document.get("batchcomplete") == "":
        return 'batchcomplete is ""'
    if "query-continue" in document:
        return "it continues by query-continue"
    warnings = document.get("warnings")
    if isinstance(warnings, dict) and any(isinstance(each, dict) and "*" in each for each in warnings.values()):
        return "its warnings have the key *"
    query = document.get("query")
    return _find_in_query(query) if isinstance(query, dict) else None


def describe_old_format(place: str, sign: str) -> str:
    """Return the detail of a failure: whose fault it is, and what to do.

    Args:
        place: Domain or address of the wiki.
        sign: Result of `find_old_format`.
    """
    return (
        f"{place} answers in format version 1 ({sign}) although formatversion=2 is requested. Update the wiki to "
        "MediaWiki 1.25 or later; if it is newer, correct the proxy before it, which must pass on all parameters"
    )


def _find_in_query(query: Mapping[str, Any]) -> str | None:
    pages, namespaces = query.get("pages"), query.get("namespaces")
    if isinstance(pages, dict):
        return "pages is an object by page id"
    if isinstance(namespaces, dict) and any(isinstance(each, dict) and "*" in each for each in namespaces.values()):
        return "its namespaces have the key *"
    for name, row in _first_rows(query):
        for flag in _FLAGS:
            if row.get(flag) == "":
                return f'{flag} in {name} is ""'
    return None


def _first_rows(query: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the first row of each list. The others need no look: the form is the same in the whole document."""
    for name, rows in query.items():
        if isinstance(rows, list):
            row = next((row for row in rows if isinstance(row, dict)), None)
            if row is not None:
                yield name, row
