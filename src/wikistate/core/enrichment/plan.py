"""Plan for an event before any request to a wiki: pass it through, fetch a revision, or reject it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.fields import quote_value
from wikistate.core.events.integers import is_integer

if TYPE_CHECKING:
    from collections.abc import Mapping


class PassThroughReason(StrEnum):
    """Reason why an event is written without content. The values are metric labels."""

    DELETED = "page_deleted"
    """The page is deleted; consumers of the stream apply the deletion."""
    HIDDEN = "content_not_visible"
    """The content is deleted or suppressed; the wiki would not return it."""


class PassThrough(NamedTuple):
    """Plan to write the event unchanged."""

    reason: PassThroughReason


class Fetch(NamedTuple):
    """Plan to fetch the content of one revision.

    Attributes:
        domain: ``meta.domain``. It is looked up in the list of allowed wikis and never used as an address itself.
        rev_id: ``revision.rev_id``. A title would lead to the current content of the page instead.
    """

    domain: str
    rev_id: int


class Reject(NamedTuple):
    """Plan to reject an event that does not name a revision; it becomes an error event with this type and message."""

    error_type: str
    message: str


Plan = PassThrough | Fetch | Reject

INVALID_EVENT = "InvalidEvent"
"""The error type of events that do not name a revision to fetch."""

_DELETED = PassThrough(PassThroughReason.DELETED)
_HIDDEN = PassThrough(PassThroughReason.HIDDEN)


def plan_fetch(event: Mapping[str, Any], *, include_hidden: bool = False) -> Plan:
    """Decide from the event alone.

    Every kind of change but ``delete`` is enriched (T408850), as long as the content is visible.

    Args:
        event: A decoded ``mediawiki/page/change`` event. It need not be valid.
        include_hidden: Whether a revision with hidden content is fetched as well, for the state of its page.
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
    if not is_integer(rev_id, minimum=1):
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
    state = f"is {quote_value(found, 80)}" if found is not None else "is absent"
    return Reject(INVALID_EVENT, f"{field} {state}, but must be {expected}: the event names no revision to fetch.")
