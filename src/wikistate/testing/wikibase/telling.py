"""Changes as events: ``mediawiki.page_change`` of today, and the four streams that there were before it.

The legacy streams are ``mediawiki.revision-create``, ``page-delete``, ``page-suppress`` and ``page-undelete``, with the
fields that their schemas have (schema.wikimedia.org, ``mediawiki/revision/create``, ``mediawiki/page/delete``,
``mediawiki/page/undelete``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never
from uuid import NAMESPACE_URL, uuid5

from wikistate.core.events.timestamps import format_timestamp
from wikistate.testing import events
from wikistate.testing.pages import base36

if TYPE_CHECKING:
    from wikistate.testing.pages import Slot, User, Wiki
    from wikistate.testing.wikibase.changes import Change

Event = dict[str, Any]


def page_change(change: Change, wiki: Wiki, *, version: events.Version = "1.11.0") -> Event:
    """The event of a change. The same change always gives the same event."""
    envelope = events.Envelope(
        wiki=wiki,
        event_id=_uuid(change, wiki, "event"),
        request_id=_uuid(change, wiki, "request"),
        dt=_second(change.time),
        received=format_timestamp(change.time),
        performer=change.revision.editor,
        version=version,
    )
    match change.kind:
        case "create" | "move":  # entities do not move
            return events.create(change.page, change.revision, envelope=envelope)
        case "edit":
            return events.edit(change.page, change.revision, envelope=envelope, prior=change.prior)
        case "delete":
            return events.delete(
                change.page, change.revision, envelope=envelope, comment=change.comment, prior=change.before
            )
        case "undelete":
            return events.undelete(change.page, change.revision, envelope=envelope, comment=change.comment)
        case "visibility_change":
            assert change.before is not None
            return events.visibility_change(change.page, change.revision, envelope=envelope, prior=change.before)
        case unreachable:
            assert_never(unreachable)


def legacy_event(change: Change, wiki: Wiki) -> Event | None:
    """The event of a change on one of the legacy streams, which ``meta.stream`` names; None for what they do not tell."""
    match change.kind:
        case "create" | "edit" | "move":
            return _legacy(change, wiki, "mediawiki.revision-create", "revision/create/2.0.0") | _revision(change)
        case "delete":
            stream = "mediawiki.page-suppress" if change.before else "mediawiki.page-delete"
            return _legacy(change, wiki, stream, "page/delete/1.0.0") | {"rev_count": change.page.revision_count}
        case "undelete":
            return _legacy(change, wiki, "mediawiki.page-undelete", "page/undelete/1.0.0")
        case "visibility_change":
            return None
        case unreachable:
            assert_never(unreachable)


def _legacy(change: Change, wiki: Wiki, stream: str, schema: str) -> Event:
    return {
        "$schema": f"/mediawiki/{schema}",
        "meta": {
            "domain": wiki.domain,
            "dt": format_timestamp(change.time),
            "id": _uuid(change, wiki, "legacy"),
            "request_id": _uuid(change, wiki, "request"),
            "stream": stream,
            "uri": f"https://{wiki.domain}/wiki/{change.page.key}",
        },
        "database": wiki.wiki_id,
        "page_id": change.page.page_id,
        "page_title": change.page.key,
        "page_namespace": change.page.namespace,
        "page_is_redirect": change.page.redirect is not None,
        "rev_id": change.revision.rev_id,
        "performer": _performer(change.revision.editor),
    }


def _performer(editor: User) -> Event:
    return {"user_text": editor.name, "user_groups": list(editor.groups), "user_is_bot": editor.is_bot}


def _revision(change: Change) -> Event:
    saved = change.revision
    parent = {"rev_parent_id": saved.parent_id} if saved.parent_id else {}
    return {
        "dt": saved.dt,
        "rev_timestamp": saved.dt,
        "rev_sha1": base36(saved.sha1),
        "rev_len": saved.size,
        "rev_minor_edit": saved.minor,
        "rev_content_model": saved.slots[0].model,
        "rev_content_format": saved.slots[0].format,
        "rev_slots": {part.role: _slot(part, saved.rev_id) for part in saved.slots},
        "comment": saved.comment,
        **parent,
    }


def _slot(part: Slot, rev_id: int) -> Event:
    return {
        "rev_slot_content_model": part.model,
        "rev_slot_sha1": base36(part.sha1),
        "rev_slot_size": part.size,
        "rev_slot_origin_rev_id": part.origin or rev_id,
    }


def _uuid(change: Change, wiki: Wiki, what: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"https://{wiki.domain}/{what}/{change.number}"))


def _second(milliseconds: int) -> str:
    return format_timestamp(milliseconds // 1000 * 1000).replace(".000", "")
