"""What happened on the small Wikibase, one change after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wikistate.testing.events import Kind
    from wikistate.testing.pages import Page, Revision, Visibility


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
        before: What could be seen before, where that changed. A deletion that has it was a suppression.
    """

    number: int
    kind: Kind
    entity: str
    page: Page
    revision: Revision
    time: int
    prior: Revision | None = None
    comment: str = ""
    log_id: int = 0
    before: Visibility | None = None
