"""Changes of the fake Wikibase, and its pages in the form of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wikistate.demo.events import ChangeKind
    from wikistate.demo.pages import Page, Revision, Visibility


class Change(NamedTuple):
    """Change of an entity.

    Attributes:
        number: Number of the change in the wiki, from 1: the id of its row in recent changes.
        kind: Kind of the change.
        entity: Entity id.
        page: Page after the change; for a deletion, before it.
        revision: Revision that the change created, deleted, restored or hid.
        time: Time of the change, milliseconds since the epoch.
        prior: Previous revision, for an edit.
        comment: Comment of the log entry; the revision has the comment of an edit.
        log_id: Id of the log entry; 0 without one.
        log_action: ``protect`` or ``unprotect`` for the null revision that such an action saves; empty for other changes.
            The streams of Wikimedia have no ``page_change`` of it.
        prior_visibility: Previous visibility if that changed. A deletion with this field is a suppression.
    """

    number: int
    kind: ChangeKind
    entity: str
    page: Page
    revision: Revision
    time: int
    prior: Revision | None = None
    comment: str = ""
    log_id: int = 0
    prior_visibility: Visibility | None = None
    log_action: str = ""


class ListedPage(NamedTuple):
    """Page of an existing entity, in the form of lists of pages.

    Attributes:
        page_id: Page id.
        namespace: Namespace of the page.
        title: Prefixed title in text form.
        model: Content model of the main slot.
        revision: Current revision.
        parent: Revision before it; 0 without one.
        touched: Time of the current revision.
        size: Size of the current revision in bytes.
        is_redirect: Whether the entity was merged into another.
        is_new: Whether the page has one revision only.
    """

    page_id: int
    namespace: int
    title: str
    model: str
    revision: int
    parent: int
    touched: str
    size: int
    is_redirect: bool
    is_new: bool
