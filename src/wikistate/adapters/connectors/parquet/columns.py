"""The table of events: a fixed set of columns, and all other fields as JSON. Pure.

The columns are the same for every stream and schema version, so that each engine reads files of years as one table.
Hive, Spark, Trino and DuckDB differ in their support of growing nested columns. Fields without a column are in `event`.
The content bodies of a revision, which are most of the bytes, are in a separate map and not in `event`, so that other
queries do not read them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from wikistate.streaming.record import Output

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""The name of the partition of rows without a partition column in Hive; the other engines read it as null, too."""


class Column(NamedTuple):
    """A column that holds one field of an event.

    Attributes:
        name: The name in the table.
        kind: ``string``, ``int64`` or ``bool``; a field of another type makes a null.
        path: The path of the field in the event.
    """

    name: str
    kind: str
    path: tuple[str, ...]


FIELDS = (
    Column("event_id", "string", ("meta", "id")),
    Column("stream", "string", ("meta", "stream")),
    Column("domain", "string", ("meta", "domain")),
    Column("wiki_id", "string", ("wiki_id",)),
    Column("page_change_kind", "string", ("page_change_kind",)),
    Column("changelog_kind", "string", ("changelog_kind",)),
    Column("page_id", "int64", ("page", "page_id")),
    Column("namespace_id", "int64", ("page", "namespace_id")),
    Column("page_title", "string", ("page", "page_title")),
    Column("is_redirect", "bool", ("page", "is_redirect")),
    Column("rev_id", "int64", ("revision", "rev_id")),
    Column("rev_parent_id", "int64", ("revision", "rev_parent_id")),
    Column("rev_dt", "string", ("revision", "rev_dt")),
    Column("rev_size", "int64", ("revision", "rev_size")),
    Column("comment", "string", ("revision", "comment")),
    Column("user_id", "int64", ("performer", "user_id")),
    Column("user_text", "string", ("performer", "user_text")),
)
"""The columns with one field each, in the order of the table; `event_time`, `content_bodies` and `event` follow them."""

_TYPES: dict[str, type] = {"string": str, "int64": int, "bool": bool}
_INT64 = range(-(2**63), 2**63)

Row = tuple[Any, ...]


def format_partition(milliseconds: int | None) -> str:
    """Return the folder of an event by its time in UTC: ``dt=2026-01-15/hour=09``."""
    try:
        moment = None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError):  # a year that has more or fewer than four digits
        moment = None
    return f"dt={moment:%Y-%m-%d}/hour={moment:%H}" if moment else f"dt={NO_VALUE}/hour={NO_VALUE}"


def build_row(output: Output) -> Row:
    """Return the values of the columns of an event. A text that is not a JSON object is in `event` only."""
    try:
        event = orjson.loads(output.value)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        return (*[None] * len(FIELDS), output.timestamp, [], output.value.decode(errors="backslashreplace"))
    fields = [_extract_field(event, column) for column in FIELDS]
    bodies = _pop_bodies(event)
    text = orjson.dumps(event) if bodies else output.value
    return (*fields, output.timestamp, bodies, text.decode())


def _extract_field(event: dict[str, Any], column: Column) -> Any:
    found: Any = event
    for name in column.path:
        found = found.get(name) if isinstance(found, dict) else None
    if type(found) is not _TYPES[column.kind] or (column.kind == "int64" and found not in _INT64):
        return None
    return found


def _pop_bodies(event: dict[str, Any]) -> list[tuple[str, str]]:
    """Remove the content bodies from the event and return them by slot."""
    slots: Any = event
    for name in ("revision", "content_slots"):
        slots = slots.get(name) if isinstance(slots, dict) else None
    if not isinstance(slots, dict):
        return []
    return [
        (role, slot.pop("content_body"))
        for role, slot in slots.items()
        if isinstance(slot, dict) and isinstance(slot.get("content_body"), str)
    ]
