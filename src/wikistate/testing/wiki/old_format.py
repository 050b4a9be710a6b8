"""Format version 1 of the answers of the fake wiki: the old form of the JSON of the Action API.

Source: MediaWiki Action API documentation (API:JSON version 2).
"""

from __future__ import annotations

from typing import Any

_STAR_KEYS = {"revisions": "content", "main": "content", "namespaces": "name"}
"""Field with the key ``*`` in the old form, by the name of the list or object that holds the owner of the field."""


def to_old_format(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document in format version 1: pages by their ids, ``*`` for texts, and flags that are empty texts."""
    old: dict[str, Any] = _convert(document)
    query, warnings = old.get("query"), old.get("warnings")
    if isinstance(query, dict) and isinstance(query.get("pages"), list):
        query["pages"] = {str(page.get("pageid", -1 - place)): page for place, page in enumerate(query["pages"])}
    if isinstance(warnings, dict):
        old["warnings"] = {module: {"*": warning["warnings"]} for module, warning in warnings.items()}
    return old


def _convert(value: Any, star: str = "") -> Any:
    """Return a value in the old form.

    Args:
        value: Value of the new form.
        star: Name of the field that has the key ``*``; empty if there is none.
    """
    match value:
        case list():
            return [_convert(each, star) for each in value]
        case dict():
            shown = {name: each for name, each in value.items() if each is not False}
            # An object by number, such as that of the namespaces, holds the owners itself.
            stars = {name: _STAR_KEYS.get(name, star if name.lstrip("-").isdecimal() else "") for name in shown}
            return {"*" if name == star else name: _convert(each, stars[name]) for name, each in shown.items()}
        case True:
            return ""
        case _:
            return value
