"""How a revision looks in an answer, by what was asked for (MediaWiki Action API documentation, "API:Revisions")."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.testing.pages import Flaw, Revision, Slot

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
"""Properties of the main slot that the legacy form has beside the revision's own."""

ALL_SLOTS = "*"

Shown = dict[str, Any]


class Shape(NamedTuple):
    """What is shown of a revision.

    Attributes:
        props: The values of ``rvprop`` that exist.
        roles: The values of ``rvslots``; None for the legacy form, the main slot's content beside the other fields.
        unknown: The values of ``rvprop`` that do not exist.
    """

    props: frozenset[str]
    roles: frozenset[str] | None
    unknown: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def shape(rvprop: str | None, rvslots: str | None) -> Shape:
    """The shape for these parameters."""
    asked = (DEFAULT_PROPS if rvprop is None else rvprop).split("|")
    unknown = tuple(prop for prop in asked if prop not in PROPS)
    return Shape(PROPS & set(asked), None if rvslots is None else frozenset(rvslots.split("|")), unknown)


def render(revision: Revision, shape: Shape) -> Shown:
    """The revision as an object of ``query.pages[].revisions``."""
    shown: Shown = _identity(revision, shape.props)
    shown |= _author(revision, shape.props)
    shown |= _measures(revision, shape.props)
    if shape.roles is None:
        shown |= _slot(revision.slots[0], revision, shape.props & LEGACY_PROPS)
    elif shape.props & SLOT_PROPS:
        shown |= _slots(revision, shape)
    shown |= _summary(revision, shape.props)
    return shown | {"suppressed": True} if revision.visibility.suppressed else shown


def _identity(revision: Revision, props: frozenset[str]) -> Shown:
    shown: Shown = {}
    if "ids" in props:
        shown["revid"] = revision.rev_id
        if revision.parent_id is not None:
            shown["parentid"] = revision.parent_id
    if "flags" in props:
        shown["minor"] = revision.minor
    return shown


def _author(revision: Revision, props: frozenset[str]) -> Shown:
    if not props & {"user", "userid"}:
        return {}
    if not revision.visibility.editor:
        return {"userhidden": True}
    shown: Shown = {"user": revision.editor.name} if "user" in props else {}
    if "userid" in props:
        shown["userid"] = revision.editor.user_id or 0
    if revision.editor.user_id is None:
        shown["anon"] = True
    return shown | {"temp": True} if revision.editor.is_temp else shown


def _measures(revision: Revision, props: frozenset[str]) -> Shown:
    shown: Shown = {}
    if "timestamp" in props:
        shown["timestamp"] = revision.dt
    if "size" in props:
        shown["size"] = revision.size
    if "sha1" in props:
        shown |= {"sha1": revision.sha1} if revision.visibility.content else {"sha1hidden": True}
    if "roles" in props:
        shown["roles"] = [part.role for part in revision.slots]
    return shown


def _slots(revision: Revision, shape: Shape) -> Shown:
    if revision.flaw is not None:
        return {revision.flaw.value: True}
    roles = shape.roles or frozenset()
    return {
        "slots": {
            part.role: _slot(part, revision, shape.props)
            for part in revision.slots
            if ALL_SLOTS in roles or part.role in roles
        }
    }


def _slot(part: Slot, revision: Revision, props: frozenset[str]) -> Shown:
    if part.flaw is Flaw.MISSING:
        return {"missing": True}
    shown: Shown = {}
    if "slotsize" in props:
        shown["size"] = part.size
    if "slotsha1" in props:
        shown |= {"sha1": part.sha1} if revision.visibility.content else {"sha1hidden": True}
    if "contentmodel" in props:
        shown["contentmodel"] = part.model
    return shown | _content(part, revision) if "content" in props else shown


def _content(part: Slot, revision: Revision) -> Shown:
    if not revision.visibility.content:
        return {"texthidden": True}
    if part.flaw is not None:
        return {part.flaw.value: True}
    return {"contentmodel": part.model, "contentformat": part.format, "content": part.text}


def _summary(revision: Revision, props: frozenset[str]) -> Shown:
    shown: Shown = {}
    if "comment" in props:
        shown |= {"comment": revision.comment} if revision.visibility.comment else {"commenthidden": True}
    if "parsedcomment" in props and revision.visibility.comment:
        shown["parsedcomment"] = revision.comment.replace("&", "&amp;").replace("<", "&lt;")
    if "tags" in props:
        shown["tags"] = list(revision.tags)
    return shown


def measured(value: object) -> int:
    """What a value adds to the size of a result: bytes of the scalars, keys and punctuation not counted."""
    match value:
        case str():
            return len(value.encode())
        case bool():
            return int(value)
        case int() | float():
            return len(str(value))
        case dict():
            return _measured_all(value)
        case list():
            return sum(measured(element) for element in value)
        case _:
            return 0


def _measured_all(mapping: Mapping[str, object]) -> int:
    return sum(measured(element) for element in mapping.values())
