"""Builders of ``mediawiki/page/change`` events of all six kinds, in the form of the EventBus extension of MediaWiki.

Pure: every id and every time is an argument. The sources of the rules are Wikitech, "Event Platform" and
"MediaWiki Event Enrichment", and the descriptions in the schema. The builders support two versions: 1.7.0, to which the
deployed enrichment jobs are pinned, and 1.11.0, which MediaWiki sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from wikistate.demo.pages import FORMATS, Page, RedirectLink, Revision, Slot, User, Visibility, Wiki, encode_base36

Event = dict[str, Any]
SchemaVersion = Literal["1.7.0", "1.11.0"]
ChangeKind = Literal["create", "edit", "move", "delete", "undelete", "visibility_change"]
CHANGELOG: dict[ChangeKind, str] = {
    "create": "insert",
    "edit": "update",
    "move": "update",
    "delete": "delete",
    "undelete": "insert",
    "visibility_change": "update",
}
STREAM = "mediawiki.page_change.v1"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Envelope: the fields of an event that do not depend on the kind of change.

    Attributes:
        wiki: Wiki of the change.
        event_id: ``meta.id``, a UUID.
        request_id: ``meta.request_id``.
        dt: Event time. Create, edit and move use the time of the revision instead.
        received: ``meta.dt``, which the receiver of the event sets; None omits it, as EventBus does.
        performer: User of the change; None if that is hidden.
        version: Schema version; newer fields are omitted.
        stream: ``meta.stream``.
    """

    wiki: Wiki
    event_id: str = "3f2c9a54-0d8e-4b7a-9c41-5a1d6b7e8f90"
    request_id: str = "b7d0a6e2-51c3-4f0e-8a9d-2c4e6f8a0b1d"
    dt: str = "2026-06-01T00:00:00Z"
    received: str | None = None
    performer: User | None = None
    version: SchemaVersion = "1.7.0"
    stream: str = STREAM

    @property
    def is_newest(self) -> bool:
        """Whether the event has the fields that are newer than 1.7.0."""
        return self.version == "1.11.0"


@dataclass(frozen=True, slots=True)
class Revert:
    """Revert: the edit reverts the revisions `oldest` to `newest` and restores the revision `original`."""

    method: Literal["rollback", "undo", "manual"]
    original: Revision
    oldest: int
    newest: int
    is_exact: bool = True


def build_create(page: Page, revision: Revision, *, envelope: Envelope) -> Event:
    """Build the event of a page creation: by an edit, an import, an upload, or as the redirect that a move creates."""
    return _build_event("create", page, revision, envelope=envelope, dt=revision.dt)


def build_edit(
    page: Page, revision: Revision, *, envelope: Envelope, prior: Revision | None = None, revert: Revert | None = None
) -> Event:
    """Build the event of an edit. `prior` is the parent revision, None if MediaWiki could not load it."""
    event = _build_event("edit", page, revision, envelope=envelope, dt=revision.dt)
    if revert is not None:
        event["revision"]["revert"] = _encode_revert(revert, envelope)
    if prior is not None:
        event["prior_state"] = {"revision": encode_revision(prior, envelope)}
    return event


def build_move(
    page: Page,
    revision: Revision,
    *,
    envelope: Envelope,
    prior_page: Page,
    prior: Revision,
    comment: str = "",
    left_behind: Page | None = None,
) -> Event:
    """Build the event of a move. `revision` is the dummy revision of the move, `left_behind` the new redirect or None."""
    event = _build_event("move", page, revision, envelope=envelope, dt=revision.dt)
    event["comment"] = comment
    if left_behind is not None:
        event["created_redirect_page"] = encode_page(left_behind, envelope)
        event["created_redirect_page"].pop("redirect_page_link", None)
    event["prior_state"] = {
        "page": _select_changed(encode_page(prior_page, envelope), event["page"]),
        "revision": encode_revision(prior, envelope),
    }
    return event


def build_delete(
    page: Page, revision: Revision, *, envelope: Envelope, comment: str = "", prior: Visibility | None = None
) -> Event:
    """Build the event of a deletion. With `prior`, the previous visibility, it is a suppression: the revision is hidden."""
    event = _build_event("delete", page, revision, envelope=envelope, dt=envelope.dt)
    event["comment"] = comment
    if prior is not None:
        event.pop("performer", None)
        event["prior_state"] = {"revision": encode_visibility(prior)}
        event["revision"].update(encode_visibility(Visibility(content=False, comment=False, editor=False)))
        for name in ("rev_size", "rev_sha1", "comment", "editor", "content_slots"):
            event["revision"].pop(name, None)
    return event


def build_undelete(
    page: Page, revision: Revision, *, envelope: Envelope, comment: str = "", prior_page_id: int | None = None
) -> Event:
    """Build the event of an undeletion. `prior_page_id` is the old page id if the page has a new one."""
    event = _build_event("undelete", page, revision, envelope=envelope, dt=envelope.dt)
    event["comment"] = comment
    if prior_page_id is not None:
        event["prior_state"] = {"page": {"page_id": prior_page_id}}
    return event


def build_visibility_change(page: Page, revision: Revision, *, envelope: Envelope, prior: Visibility) -> Event:
    """Build the event of a visibility change of the current revision. The event of a suppression has no performer."""
    event = _build_event("visibility_change", page, revision, envelope=envelope, dt=envelope.dt)
    if revision.visibility.suppressed:
        event.pop("performer", None)
    changed = _select_changed(encode_visibility(prior), encode_visibility(revision.visibility))
    event["prior_state"] = {"revision": changed}
    return event


def build_canary(event: Event) -> Event:
    """Build a canary event: a copy of the event with the domain ``canary`` and without ``meta.dt``."""
    meta = {name: value for name, value in event["meta"].items() if name != "dt"} | {"domain": "canary"}
    return event | {"meta": meta}


def add_unknown_fields(event: Event) -> Event:
    """Return a copy with fields of no schema version: at the root, in page, revision and meta."""
    grown = {name: event[name] | {"from_the_future": {"nested": [1, 2.5, None]}} for name in ("page", "revision")}
    return event | grown | {"from_the_future": True, "meta": event["meta"] | {"hop_count": 3}}


def _build_event(kind: ChangeKind, page: Page, revision: Revision, *, envelope: Envelope, dt: str) -> Event:
    event: Event = {
        "$schema": f"/mediawiki/page/change/{envelope.version}",
        "changelog_kind": CHANGELOG[kind],
        "dt": dt,
        "meta": _build_meta(page, envelope),
        "page": encode_page(page, envelope),
        "page_change_kind": kind,
        "revision": encode_revision(revision, envelope),
        "wiki_id": envelope.wiki.wiki_id,
    }
    if envelope.performer is not None:
        event["performer"] = encode_user(envelope.performer, envelope)
    return event


def _build_meta(page: Page, envelope: Envelope) -> dict[str, str]:
    wiki = envelope.wiki
    meta = {
        "domain": wiki.domain,
        "id": envelope.event_id,
        "request_id": envelope.request_id,
        "stream": envelope.stream,
        "uri": f"https://{wiki.domain}/wiki/{quote(page.key, safe=';@$!*(),/~:')}",
    }
    return meta if envelope.received is None else meta | {"dt": envelope.received}


def encode_page(page: Page, envelope: Envelope) -> dict[str, Any]:
    """Return the page in the form of an event."""
    entity: dict[str, Any] = {
        "is_redirect": page.redirect is not None,
        "namespace_id": page.namespace,
        "namespace_is_content": page.namespace in {0, 828},
        "page_id": page.page_id,
        "page_title": page.key,
        "revision_count": page.revision_count,
    }
    if page.redirect is not None:
        entity["redirect_page_link"] = _encode_link(page.redirect, envelope)
    if envelope.is_newest and page.item_id is not None:
        entity["wikibase_item_id"] = page.item_id
    return entity


def _encode_link(link: RedirectLink, envelope: Envelope) -> dict[str, Any]:
    entity: dict[str, Any] = {"namespace_id": link.namespace, "page_title": link.title.replace(" ", "_")}
    if link.page_id is not None:
        entity |= {"page_id": link.page_id, "is_redirect": link.is_redirect}
    if link.interwiki is not None:
        entity["interwiki_prefix"] = link.interwiki
    if envelope.is_newest and link.item_id is not None:
        entity["wikibase_item_id"] = link.item_id
    return entity


def encode_user(user: User, envelope: Envelope) -> dict[str, Any]:
    """Return the user in the form of an event; an unregistered user has neither id nor count nor date."""
    entity: dict[str, Any] = {
        "groups": list(user.groups),
        "is_bot": user.is_bot,
        "is_system": user.is_system,
        "is_temp": user.is_temp,
        "user_text": user.name,
        "wiki_id": envelope.wiki.wiki_id,
    }
    if user.user_id is not None:
        entity |= {"user_id": user.user_id, "edit_count": user.edit_count}
    if user.registered is not None:
        entity["registration_dt"] = user.registered
    if user.central_id is not None:
        entity["user_central_id"] = user.central_id
    return entity | _encode_newer_user_fields(user) if envelope.is_newest else entity


def _encode_newer_user_fields(user: User) -> dict[str, Any]:
    entity: dict[str, Any] = {}
    if user.registered is not None and user.edit_count:
        entity["first_edit_dt"] = user.registered
    if user.central_id is not None:
        entity["edit_global_count"] = user.edit_count * 2
    return entity


def encode_revision(revision: Revision, envelope: Envelope) -> dict[str, Any]:
    """Return the revision in the form of an event, without the hidden parts and without the text of its content."""
    entity: dict[str, Any] = {
        "content_slots": {part.role: _encode_slot(part, revision.rev_id) for part in revision.slots},
        "is_minor_edit": revision.minor,
        "rev_dt": revision.dt,
        "rev_id": revision.rev_id,
        "rev_sha1": encode_base36(revision.sha1),
        "rev_size": revision.size,
    } | encode_visibility(revision.visibility)
    if revision.parent_id is not None:
        entity["rev_parent_id"] = revision.parent_id
    if revision.visibility.comment:
        entity["comment"] = revision.comment
    if revision.visibility.editor:
        entity["editor"] = encode_user(revision.editor, envelope)
    return entity


def encode_visibility(visibility: Visibility) -> dict[str, bool]:
    """Return the three visibility flags of an event."""
    return {
        "is_comment_visible": visibility.comment,
        "is_content_visible": visibility.content,
        "is_editor_visible": visibility.editor,
    }


def _encode_slot(part: Slot, rev_id: int) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "content_model": part.model,
        "content_sha1": encode_base36(part.sha1),
        "content_size": part.size,
        "origin_rev_id": part.origin or rev_id,
        "slot_role": part.role,
    }
    return entity | {"content_format": FORMATS[part.model]} if part.model in FORMATS else entity


def _encode_revert(revert: Revert, envelope: Envelope) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "is_exact": revert.is_exact,
        "method": revert.method,
        "rev_original_dt": revert.original.dt,
        "rev_original_id": revert.original.rev_id,
    }
    if envelope.is_newest:
        entity |= {"rev_reverted_newest_id": revert.newest, "rev_reverted_oldest_id": revert.oldest}
    return entity


def _select_changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `before` with another value in `after`."""
    return {name: value for name, value in before.items() if after.get(name) != value}
