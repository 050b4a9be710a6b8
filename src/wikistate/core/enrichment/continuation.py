"""Continuations of the Action API: parameters that an answer adds to the next request of the same query. Pure.

Source: MediaWiki documentation, API:Continue. The parameters of a hostile answer must not change the query: its action, its
titles or its format.
"""

from __future__ import annotations

_ENDING = "continue"
_MAX_LENGTH = 10_000
"""Characters of a value. The longest known ones have a title of 255 bytes for each of 50 pages."""

_MAX_PARAMETERS = 20


def find_odd_continuation(found: object) -> str:
    """Return what is wrong with the field ``continue`` of an answer, as a clause; empty for a valid or a missing one."""
    if found is None:
        return ""
    if not isinstance(found, dict) or len(found) > _MAX_PARAMETERS:
        return f"its field continue is not an object of at most {_MAX_PARAMETERS} parameters"
    for name, value in found.items():
        if not name.endswith(_ENDING):
            return f"its field continue has the parameter {name!r:.60}, which does not continue a list"
        if not isinstance(value, str | int) or len(str(value)) > _MAX_LENGTH:
            return f"its field continue has the value {value!r:.60}"
    return ""
