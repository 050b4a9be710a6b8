"""Changes as events of ``mediawiki.page_change`` and of the four legacy streams before it.

The legacy streams are ``mediawiki.revision-create``, ``page-delete``, ``page-suppress`` and ``page-undelete``, with the
fields that their schemas have (schema.wikimedia.org, ``mediawiki/revision/create``, ``mediawiki/page/delete``,
``mediawiki/page/undelete``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never
from uuid import NAMESPACE_URL, uuid5

from wikistate.core.events.timestamps import format_timestamp
from wikistate.demo import events
from wikistate.demo.pages import encode_base36

if TYPE_CHECKING:
    from wikistate.demo.pages import Slot, User, Wiki
    from wikistate.testing.wikibase.changes import Change

Event = dict[str, Any]


def build_page_change(change: Change, wiki: Wiki, *, version: events.SchemaVersion = "1.11.0") -> Event:
    """Return the event of a change. The same change always gives the same event."""
    envelope = events.Envelope(
        wiki=wiki,
        event_id=_derive_uuid(change, wiki, "event"),
        request_id=_derive_uuid(change, wiki, "request"),
        dt=_format_second(change.time),
        received=format_timestamp(change.time),
        performer=change.revision.editor,
        version=version,
    )
    match change.kind:
        case "create" | "move":  # entities do not move
            return events.build_create(change.page, change.revision, envelope=envelope)
        case "edit":
            return events.build_edit(change.page, change.revision, envelope=envelope, prior=change.prior)
        case "delete":
            return events.build_delete(
                change.page, change.revision, envelope=envelope, comment=change.comment, prior=change.prior_visibility
            )
        case "undelete":
            return events.build_undelete(change.page, change.revision, envelope=envelope, comment=change.comment)
        case "visibility_change":
            assert change.prior_visibility is not None
            return events.build_visibility_change(
                change.page, change.revision, envelope=envelope, prior=change.prior_visibility
            )
        case unreachable:
            assert_never(unreachable)


def build_legacy_event(change: Change, wiki: Wiki) -> Event | None:
    """Return the event of a change for the legacy stream in its ``meta.stream``; None if no legacy stream has such events."""
    match change.kind:
        case "create" | "edit" | "move":
            return _build_legacy(change, wiki, "mediawiki.revision-create", "revision/create/2.0.0") | _encode_revision(
                change
            )
        case "delete":
            stream = "mediawiki.page-suppress" if change.prior_visibility else "mediawiki.page-delete"
            return _build_legacy(change, wiki, stream, "page/delete/1.0.0") | {"rev_count": change.page.revision_count}
        case "undelete":
            return _build_legacy(change, wiki, "mediawiki.page-undelete", "page/undelete/1.0.0")
        case "visibility_change":
            return None
        case unreachable:
            assert_never(unreachable)


def _build_legacy(change: Change, wiki: Wiki, stream: str, schema: str) -> Event:
    return {
        "$schema": f"/mediawiki/{schema}",
        "meta": {
            "domain": wiki.domain,
            "dt": format_timestamp(change.time),
            "id": _derive_uuid(change, wiki, "legacy"),
            "request_id": _derive_uuid(change, wiki, "request"),
            "stream": stream,
            "uri": f"https://{wiki.domain}/wiki/{change.page.key}",
        },
        "database": wiki.wiki_id,
        "page_id": change.page.page_id,
        "page_title": change.page.key,
        "page_namespace": change.page.namespace,
        "page_is_redirect": change.page.redirect is not None,
        "rev_id": change.revision.rev_id,
        "performer": _encode_performer(change.revision.editor),
    }


def _encode_performer(editor: User) -> Event:
    return {"user_text": editor.name, "user_groups": list(editor.groups), "user_is_bot": editor.is_bot}


def _encode_revision(change: Change) -> Event:
    saved = change.revision
    parent = {"rev_parent_id": saved.parent_id} if saved.parent_id else {}
    return {
        "dt": saved.dt,
        "rev_timestamp": saved.dt,
        "rev_sha1": encode_base36(saved.sha1),
        "rev_len": saved.size,
        "rev_minor_edit": saved.minor,
        "rev_content_model": saved.slots[0].model,
        "rev_content_format": saved.slots[0].format,
        "rev_slots": {part.role: _encode_slot(part, saved.rev_id) for part in saved.slots},
        "comment": saved.comment,
        **parent,
    }


def _encode_slot(part: Slot, rev_id: int) -> Event:
    return {
        "rev_slot_content_model": part.model,
        "rev_slot_sha1": encode_base36(part.sha1),
        "rev_slot_size": part.size,
        "rev_slot_origin_rev_id": part.origin or rev_id,
    }


def _derive_uuid(change: Change, wiki: Wiki, purpose: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"https://{wiki.domain}/{purpose}/{change.number}"))


def _format_second(milliseconds: int) -> str:
    return format_timestamp(milliseconds // 1000 * 1000).replace(".000", "")
