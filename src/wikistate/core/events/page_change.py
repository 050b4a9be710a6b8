"""Builders of ``mediawiki/page/change`` events from responses of the Action API, for wikis that emit no events.

Pure. The input has the shape of the Action API with ``formatversion=2`` (API:Revisions, API:RecentChanges,
API:Logevents). The output follows the descriptions in the schema and Wikitech, "Event Platform". Fields that the API does
not return are left out: all but the page, the revision's id and its time is optional in the schema.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wikistate.core.events.sha1 import to_base36_sha1

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

SCHEMA = "/mediawiki/page/change/1.7.0"
STREAM = "mediawiki.page_change.v1"
"""The `meta.stream` of the events that are built here."""


class PageChangeKind(StrEnum):
    """Values of ``page_change_kind``."""

    CREATE = "create"
    EDIT = "edit"
    MOVE = "move"
    DELETE = "delete"
    UNDELETE = "undelete"
    VISIBILITY = "visibility_change"


_CHANGELOG = {PageChangeKind.CREATE: "insert", PageChangeKind.UNDELETE: "insert", PageChangeKind.DELETE: "delete"}


@dataclass(frozen=True, slots=True)
class WikiMetadata:
    """Common properties of the events of a wiki.

    Attributes:
        wiki_id: The database name.
        domain: Value of `meta.domain`.
        article_url_template: URL of a page, with ``$1`` for its title.
        content_namespaces: Numbers of the namespaces that count as content.
    """

    wiki_id: str
    domain: str
    article_url_template: str
    content_namespaces: frozenset[int]


def build_page(
    wiki: WikiMetadata, *, page_id: int, title: str, namespace: int, is_redirect: bool | None = None
) -> Json:
    """Build the field ``page``. `is_redirect` is None if it is not known for the time of the event."""
    entity: Json = {
        "page_id": page_id,
        "page_title": title.replace(" ", "_"),
        "namespace_id": namespace,
        "namespace_is_content": namespace in wiki.content_namespaces,
    }
    return entity if is_redirect is None else entity | {"is_redirect": is_redirect}


def build_revision(revision: Mapping[str, Any]) -> Json:
    """Build the field ``revision`` from an element of ``revisions`` that was requested without content.

    Hidden fields are left out. In a response without content, a hidden hash shows that the text is hidden.
    """
    entity: Json = {
        "rev_id": revision["revid"],
        "rev_dt": revision["timestamp"],
        "is_content_visible": "sha1hidden" not in revision and not revision.get("suppressed"),
        "is_comment_visible": "commenthidden" not in revision,
        "is_editor_visible": "userhidden" not in revision,
    }
    for name, source in (("rev_parent_id", "parentid"), ("is_minor_edit", "minor"), ("rev_size", "size")):
        if source in revision:
            entity[name] = revision[source]
    if revision.get("sha1"):
        entity["rev_sha1"] = to_base36_sha1(revision["sha1"])
    if "comment" in revision and entity["is_comment_visible"]:
        entity["comment"] = revision["comment"]
    if (editor := build_user(revision)) is not None:
        entity["editor"] = editor
    if slots := revision.get("slots"):
        entity["content_slots"] = {role: _build_slot(role, slot) for role, slot in slots.items()}
    return entity


def _build_slot(role: str, slot: Mapping[str, Any]) -> Json:
    entity: Json = {"slot_role": role}
    for name, source in (("content_model", "contentmodel"), ("content_size", "size")):
        if source in slot:
            entity[name] = slot[source]
    if slot.get("sha1"):
        entity["content_sha1"] = to_base36_sha1(slot["sha1"])
    return entity


def build_user(row: Mapping[str, Any]) -> Json | None:
    """Build the user of a row or a revision; return None if the user is hidden. Anonymous users have no id."""
    name = row.get("user")
    if not name or "userhidden" in row:
        return None
    return {"user_text": name} | ({"user_id": row["userid"]} if row.get("userid") else {})


def build_page_change(
    wiki: WikiMetadata,
    kind: PageChangeKind,
    *,
    identity: str,
    dt: str,
    page: Json,
    revision: Json | None,
    performer: Json | None = None,
    comment: str | None = None,
    prior: Json | None = None,
) -> Json:
    """Build an event.

    Args:
        wiki: The wiki of the page.
        kind: Kind of the change.
        identity: Text that differs for all changes of the wiki. The same change always gets the same `meta.id`, so that
            consumers can drop repeats.
        dt: Time of the change, RFC 3339.
        page: The page after the change.
        revision: The page's current revision. None if it is not known any more: such an event is not valid, and the job
            that reads it writes an error event.
        performer: The user that made the change; None if hidden.
        comment: The reason of the change, for the kinds that have one.
        prior: `prior_state`.
    """
    event: Json = {
        "$schema": SCHEMA,
        "meta": {
            "stream": STREAM,
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{wiki.domain}/{wiki.wiki_id}/{identity}/{kind}")),
            "domain": wiki.domain,
            "uri": wiki.article_url_template.replace("$1", quote(page["page_title"], safe=";@$!*(),/~:")),
        },
        "dt": dt,
        "changelog_kind": _CHANGELOG.get(kind, "update"),
        "page_change_kind": kind.value,
        "wiki_id": wiki.wiki_id,
        "page": page,
        "revision": revision or {},
    }
    named = {"performer": performer, "comment": comment, "prior_state": prior}
    return event | {name: value for name, value in named.items() if value is not None}
