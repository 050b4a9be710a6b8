"""What to do with an event before any wiki is asked: let it pass, fetch a revision, or refuse it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class PassThroughReason(StrEnum):
    """Why an event goes on without content. The values are metric labels."""

    DELETED = "page_deleted"
    """The page is gone; what reads the stream applies the deletion."""
    HIDDEN = "content_not_visible"
    """The content is deleted or suppressed; the wiki would answer without it."""


class PassThrough(NamedTuple):
    """The event goes on as it is."""

    reason: PassThroughReason


class Fetch(NamedTuple):
    """The event needs the content of one revision.

    Attributes:
        domain: ``meta.domain``, to be looked up in the list of allowed wikis and never to be asked as it stands.
        rev_id: ``revision.rev_id``. A title would name whatever the page holds by now.
    """

    domain: str
    rev_id: int


class Reject(NamedTuple):
    """The event does not say what to fetch. It goes to the error stream with this type and message."""

    error_type: str
    message: str


Plan = PassThrough | Fetch | Reject

INVALID_EVENT = "InvalidEvent"
"""The error type of events that do not say what to fetch."""

_DELETED = PassThrough(PassThroughReason.DELETED)
_HIDDEN = PassThrough(PassThroughReason.HIDDEN)


def plan_fetch(event: Mapping[str, Any], *, include_hidden: bool = False) -> Plan:
    """Decides by the event alone.

    Every kind of change but ``delete`` is enriched (T408850), as long as the content is visible.

    Args:
        event: A decoded ``mediawiki/page/change`` event. It need not be valid.
        include_hidden: Whether a revision is asked for whose content is hidden, for what its page is.
    """
    if event.get("page_change_kind") == "delete":
        return _DELETED
    revision = event.get("revision")
    if not isinstance(revision, dict):
        return _reject("revision", "an object", revision)
    if revision.get("is_content_visible") is False and not include_hidden:
        return _HIDDEN
    return _plan_revision(revision, event.get("meta"))


def _plan_revision(revision: Mapping[str, Any], meta: object) -> Fetch | Reject:
    rev_id = revision.get("rev_id")
    if type(rev_id) is not int or rev_id < 1:  # a bool is an int to isinstance
        return _reject("revision.rev_id", "a positive integer", rev_id)
    if not _is_slot_map(revision.get("content_slots")):
        return _reject("revision.content_slots", "a map from role to slot", revision["content_slots"])
    domain = meta.get("domain") if isinstance(meta, dict) else None
    if not isinstance(domain, str) or not domain:
        return _reject("meta.domain", "the wiki's domain", domain)
    return Fetch(domain, rev_id)


def _is_slot_map(slots: object) -> bool:
    return slots is None or (isinstance(slots, dict) and all(type(slot) is dict for slot in slots.values()))


def _reject(field: str, expected: str, found: object) -> Reject:
    what = f"is {found!r:.80}" if found is not None else "is absent"
    return Reject(INVALID_EVENT, f"{field} {what}, but must be {expected}: the event does not say what to fetch.")
