"""Content of a revision: parsed from the response of the Action API and inserted into an event.

The response has the shape of ``action=query&prop=revisions&rvslots=*&formatversion=2`` (MediaWiki Action API
documentation, API:Revisions).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.events.sha1 import to_base36_sha1

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


class Slot(NamedTuple):
    """Slot of a revision.

    Attributes:
        body: The text; None if it is hidden.
        model: Content model, for example ``wikitext``.
        format: Content format, for example ``text/x-wiki``.
        size: Bytes as the wiki counts them.
        sha1: 40 hexadecimal digits.
    """

    body: str | None
    model: str | None
    format: str | None
    size: int | None
    sha1: str | None


class Content(NamedTuple):
    """Content of a revision in the response of a wiki.

    Attributes:
        slots: Slots by role. Empty if the revision is suppressed.
        hidden: Whether the content is deleted or suppressed, so that a body is missing.
    """

    slots: Mapping[str, Slot]
    hidden: bool = False


_SUPPRESSED = Content({}, hidden=True)

_FLAGS = (
    ("textmissing", FailureKind.TEXT_MISSING, "the wiki cannot load its text"),
    ("missing", FailureKind.SLOT_MISSING, "the wiki has no such slot"),
    ("badcontentformat", FailureKind.BAD_CONTENT_FORMAT, "its content cannot be serialised"),
    ("nosuchsection", FailureKind.NO_SUCH_SECTION, "the wiki reports that there is no such section"),
)


def read_revision(revision: Json) -> Content | Failure:
    """Read one element of ``pages[].revisions``.

    Hidden content is not a failure: the event is written without a body. Suppressed content is dropped even if the wiki
    returns it, because the consumers of a stream do not have the right to see it.
    """
    if revision.get("suppressed"):
        return _SUPPRESSED
    slots = revision.get("slots")
    if not isinstance(slots, dict) or not slots:
        return _without_slots(revision)
    read: dict[str, Slot] = {}
    hidden = False
    for role, slot in slots.items():
        found = _read_slot(role, slot)
        if isinstance(found, Failure):
            return found
        read[role] = found
        hidden = hidden or found.body is None
    return Content(read, hidden)


def _without_slots(revision: Json) -> Content | Failure:
    if revision.get("texthidden"):
        return _SUPPRESSED
    if revision.get("textmissing"):
        return Failure(FailureKind.TEXT_MISSING, "The wiki cannot load the revision's text")
    return Failure(FailureKind.SLOTS_MISSING, "The response of the wiki has no slots for the revision")


def _read_slot(role: str, slot: object) -> Slot | Failure:
    if not isinstance(slot, dict):
        return Failure(FailureKind.UNPARSABLE, f"Slot {role!r:.40} in the response of the wiki is not an object")
    body = slot.get("content")
    if type(body) is str:
        return _build_slot(slot, body)
    if slot.get("texthidden"):
        return _build_slot(slot, None)
    return _missing_body_failure(role, slot)


def _build_slot(slot: Json, body: str | None) -> Slot:
    return Slot(body, slot.get("contentmodel"), slot.get("contentformat"), slot.get("size"), slot.get("sha1"))


def _missing_body_failure(role: str, slot: Json) -> Failure:
    for flag, kind, meaning in _FLAGS:
        if slot.get(flag):
            return Failure(kind, f"Slot {role!r:.40}: {meaning}")
    return Failure(
        FailureKind.UNPARSABLE, f"Slot {role!r:.40} in the response of the wiki has neither content nor a reason"
    )


def with_content(
    event: Json, content: Content, *, max_content_size: int | None = None, with_format: bool = False
) -> Json | Failure:
    """Return a copy of the event with ``content_body`` in each slot of ``revision``; the given event is not changed.

    A slot that the event does not have is added as the wiki describes it. ``prior_state`` is not changed.

    Args:
        event: A ``mediawiki/page/change`` event for which `plan_fetch` returned a `Fetch`.
        content: The wiki's response for the event's revision.
        max_content_size: Bytes in UTF-8 that all bodies together may have; None for any size.
        with_format: Whether the wiki's ``content_format`` replaces that of the event (T368746).

    Returns:
        The event, or the reason why there is none: the response lacks a slot, or the content is larger than allowed.
    """
    revision: Json = dict(event["revision"])
    known = revision.get("content_slots") or {}
    if content.hidden:
        return _without_bodies(event, revision, known)
    if max_content_size is not None and (oversize := _oversize_failure(content, max_content_size)):
        return oversize
    slots = {role: dict(slot) for role, slot in known.items()}
    for role, slot in content.slots.items():
        if role not in slots:
            slots[role] = _describe_slot(role, slot)
        slots[role]["content_body"] = slot.body
        if with_format and slot.format:
            slots[role]["content_format"] = slot.format
    if len(slots) > len(content.slots):
        return _missing_slot_failure(slots, content)
    revision["content_slots"] = slots
    return {**event, "revision": revision}


def _without_bodies(event: Json, revision: Json, known: Mapping[str, Json]) -> Json:
    # A replayed event may hold the body from a time when it was still visible.
    if known:
        revision["content_slots"] = {
            role: {name: value for name, value in slot.items() if name != "content_body"}
            for role, slot in known.items()
        }
    return {**event, "revision": revision}


def _oversize_failure(content: Content, limit: int) -> Failure | None:
    bodies = [slot.body for slot in content.slots.values() if slot.body is not None]
    if 4 * sum(map(len, bodies)) <= limit:  # no character takes more than four bytes, so encoding is not needed
        return None
    size = sum(len(body.encode("utf-8", "surrogatepass")) for body in bodies)
    if size <= limit:
        return None
    return Failure(
        FailureKind.TOO_LARGE,
        f"The content has {size} bytes, but max_content_size allows {limit}",
    )


def _describe_slot(role: str, slot: Slot) -> Json:
    described = {
        "slot_role": role,
        "content_model": slot.model,
        "content_format": slot.format,
        "content_size": slot.size,
        "content_sha1": to_base36_sha1(slot.sha1)
        if isinstance(slot.sha1, str) and _HEX_SHA1.fullmatch(slot.sha1)
        else None,
    }
    return {name: value for name, value in described.items() if value is not None}


def _missing_slot_failure(slots: Mapping[str, Json], content: Content) -> Failure:
    absent = ", ".join(sorted(slots.keys() - content.slots.keys()))
    return Failure(
        FailureKind.SLOT_MISSING, f"The response of the wiki lacks slots that the event names: {absent:.200}"
    )


_HEX_SHA1 = re.compile("[0-9a-fA-F]{40}")
