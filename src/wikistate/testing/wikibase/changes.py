"""What happened on the small Wikibase, and what is there, as its lists tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wikistate.demo.events import ChangeKind
    from wikistate.demo.pages import Page, Revision, Visibility


class Change(NamedTuple):
    """One change.

    Attributes:
        number: Counts the wiki's changes from 1: the id of its row in recent changes.
        kind: What it did to the page.
        entity: Entity id.
        page: The page after it; for a deletion, before.
        revision: The revision that it made, took away, brought back or hid.
        time: When it happened, milliseconds since the epoch.
        prior: The revision before, of an edit.
        comment: Of the log entry; an edit's own is with the revision.
        log_id: Of the log entry; 0 where there is none.
        prior_visibility: What could be seen before, where that changed. A deletion that has it was a suppression.
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


class ListedPage(NamedTuple):
    """The page of an entity that is there, as lists of pages show it.

    Attributes:
        page_id: Its number.
        namespace: Its namespace.
        title: Prefixed, in text form.
        model: Content model of its main slot.
        revision: The current one.
        touched: When that was saved.
        size: Bytes of it.
        is_redirect: Whether the entity was merged into another.
        is_new: Whether it has one revision only.
    """

    page_id: int
    namespace: int
    title: str
    model: str
    revision: int
    touched: str
    size: int
    is_redirect: bool
    is_new: bool
