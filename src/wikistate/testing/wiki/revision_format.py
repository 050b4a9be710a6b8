"""Rendering of revisions with the requested properties (MediaWiki Action API documentation, "API:Revisions")."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.demo.pages import Flaw, Revision, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping

PROPS = frozenset(
    {
        *("ids", "flags", "timestamp", "user", "userid", "comment", "parsedcomment", "tags"),
        *("size", "slotsize", "sha1", "slotsha1", "contentmodel", "content", "roles"),
    }
)
DEFAULT_PROPS = "ids|timestamp|flags|comment|user"
SLOT_PROPS = frozenset({"slotsize", "slotsha1", "contentmodel", "content"})
LEGACY_PROPS = frozenset({"contentmodel", "content"})
"""Properties of the main slot that the legacy form has beside those of the revision."""

ALL_SLOTS = "*"

JsonObject = dict[str, Any]


class RevisionFormat(NamedTuple):
    """Requested properties and slots of revisions.

    Attributes:
        props: The values of ``rvprop`` that exist.
        roles: The values of ``rvslots``; None for the legacy form, with the content of the main slot beside the other fields.
        unknown: The values of ``rvprop`` that do not exist.
    """

    props: frozenset[str]
    roles: frozenset[str] | None
    unknown: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def parse_format(rvprop: str | None, rvslots: str | None) -> RevisionFormat:
    """Return the format for these parameters."""
    asked = (DEFAULT_PROPS if rvprop is None else rvprop).split("|")
    unknown = tuple(prop for prop in asked if prop not in PROPS)
    return RevisionFormat(PROPS & set(asked), None if rvslots is None else frozenset(rvslots.split("|")), unknown)


def render(revision: Revision, revision_format: RevisionFormat) -> JsonObject:
    """Return the revision as an object of ``query.pages[].revisions``."""
    shown: JsonObject = _render_ids(revision, revision_format.props)
    shown |= _render_author(revision, revision_format.props)
    shown |= _render_sizes(revision, revision_format.props)
    if revision_format.roles is None:
        shown |= _render_slot(revision.slots[0], revision, revision_format.props & LEGACY_PROPS)
    elif revision_format.props & SLOT_PROPS:
        shown |= _render_slots(revision, revision_format)
    shown |= _render_summary(revision, revision_format.props)
    return shown | {"suppressed": True} if revision.visibility.suppressed else shown


def _render_ids(revision: Revision, props: frozenset[str]) -> JsonObject:
    shown: JsonObject = {}
    if "ids" in props:
        shown["revid"] = revision.rev_id
        if revision.parent_id is not None:
            shown["parentid"] = revision.parent_id
    if "flags" in props:
        shown["minor"] = revision.minor
    return shown


def _render_author(revision: Revision, props: frozenset[str]) -> JsonObject:
    if not props & {"user", "userid"}:
        return {}
    if not revision.visibility.editor:
        return {"userhidden": True}
    shown: JsonObject = {"user": revision.editor.name} if "user" in props else {}
    if "userid" in props:
        shown["userid"] = revision.editor.user_id or 0
    if revision.editor.user_id is None:
        shown["anon"] = True
    return shown | {"temp": True} if revision.editor.is_temp else shown


def _render_sizes(revision: Revision, props: frozenset[str]) -> JsonObject:
    shown: JsonObject = {}
    if "timestamp" in props:
        shown["timestamp"] = revision.dt
    if "size" in props:
        shown["size"] = revision.size
    if "sha1" in props:
        shown |= {"sha1": revision.sha1} if revision.visibility.content else {"sha1hidden": True}
    if "roles" in props:
        shown["roles"] = [part.role for part in revision.slots]
    return shown


def _render_slots(revision: Revision, shape: RevisionFormat) -> JsonObject:
    if revision.flaw is not None:
        return {revision.flaw.value: True}
    roles = shape.roles or frozenset()
    return {
        "slots": {
            part.role: _render_slot(part, revision, shape.props)
            for part in revision.slots
            if ALL_SLOTS in roles or part.role in roles
        }
    }


def _render_slot(part: Slot, revision: Revision, props: frozenset[str]) -> JsonObject:
    if part.flaw is Flaw.MISSING:
        return {"missing": True}
    shown: JsonObject = {}
    if "slotsize" in props:
        shown["size"] = part.size
    if "slotsha1" in props:
        shown |= {"sha1": part.sha1} if revision.visibility.content else {"sha1hidden": True}
    if "contentmodel" in props:
        shown["contentmodel"] = part.model
    return shown | _render_content(part, revision) if "content" in props else shown


def _render_content(part: Slot, revision: Revision) -> JsonObject:
    if not revision.visibility.content:
        return {"texthidden": True}
    if part.flaw is not None:
        return {part.flaw.value: True}
    return {"contentmodel": part.model, "contentformat": part.format, "content": part.text}


def _render_summary(revision: Revision, props: frozenset[str]) -> JsonObject:
    shown: JsonObject = {}
    if "comment" in props:
        shown |= {"comment": revision.comment} if revision.visibility.comment else {"commenthidden": True}
    if "parsedcomment" in props and revision.visibility.comment:
        shown["parsedcomment"] = revision.comment.replace("&", "&amp;").replace("<", "&lt;")
    if "tags" in props:
        shown["tags"] = list(revision.tags)
    return shown


def measure_size(value: object) -> int:
    """Return the bytes that a value adds to the size of a result: those of the scalars, without keys and punctuation."""
    match value:
        case str():
            return len(value.encode())
        case bool():
            return int(value)
        case int() | float():
            return len(str(value))
        case dict():
            return _measure_mapping(value)
        case list():
            return sum(measure_size(element) for element in value)
        case _:
            return 0


def _measure_mapping(mapping: Mapping[str, object]) -> int:
    return sum(measure_size(element) for element in mapping.values())
