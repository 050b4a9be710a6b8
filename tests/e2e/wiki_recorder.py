"""Recorder that changes a real wiki and makes ``page_change`` events of the changes from its Action API."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wikistate.demo import events
from wikistate.demo.events import Envelope
from wikistate.demo.pages import ALL_VISIBLE, Page, RedirectLink, Revision, Slot, User, Visibility, Wiki

if TYPE_CHECKING:
    from tests.support.mediawiki import RealMediaWiki

    from wikistate.demo.events import Event

DOMAIN = "wiki.example"
"""Domain of the wiki in the events; only the job's list of wikis has its address."""

_PROPS = "ids|timestamp|flags|size|sha1|slotsize|slotsha1|contentmodel|roles|user|userid|comment"


@dataclass(slots=True)
class WikiRecorder:
    """One wiki, and the events of the changes that were made through this object.

    Attributes:
        mediawiki: The wiki.
        events: Events in the order of the changes.
    """

    mediawiki: RealMediaWiki
    events: list[Event] = field(default_factory=list)
    _wiki: Wiki = field(default_factory=lambda: Wiki("examplewiki", DOMAIN))

    def edit(self, title: str, text: str) -> int:
        """Write a page and return the id of the new revision."""
        rev_id = self.mediawiki.edit(title, text, "written by a test")
        page, revision = self.fetch_page(rev_id)
        if revision.parent_id:
            _, prior = self.fetch_page(revision.parent_id)
            self._record(events.build_edit(page, revision, envelope=self._envelope(), prior=prior))
        else:
            self._record(events.build_create(page, revision, envelope=self._envelope()))
        return rev_id

    def move(self, title: str, target: str) -> tuple[int, int]:
        """Rename a page, leave a redirect, and return the two new revisions: of the page and of the redirect."""
        prior_page, prior = self.fetch_page(self.latest_revision(title))
        self.mediawiki.move(title, target)
        page, revision = self.fetch_page(self.latest_revision(target))
        left_behind, redirecting = self.fetch_page(self.latest_revision(title))
        self._record(
            events.build_move(
                page,
                revision,
                envelope=self._envelope(),
                prior_page=prior_page,
                prior=prior,
                comment="moved by a test",
                left_behind=left_behind,
            )
        )
        self._record(events.build_create(left_behind, redirecting, envelope=self._envelope()))
        return revision.rev_id, redirecting.rev_id

    def delete(self, title: str) -> int:
        """Delete a page and return the id of its last revision."""
        page, revision = self.fetch_page(self.latest_revision(title))
        self.mediawiki.delete(title)
        self._record(events.build_delete(page, revision, envelope=self._envelope(), comment="deleted by a test"))
        return revision.rev_id

    def undelete(self, title: str) -> int:
        """Restore a page and return the id of its last revision."""
        self.mediawiki.undelete(title)
        page, revision = self.fetch_page(self.latest_revision(title))
        self._record(events.build_undelete(page, revision, envelope=self._envelope(), comment="restored by a test"))
        return revision.rev_id

    def suppress(self, rev_id: int) -> None:
        """Hide all parts of a revision, and record an event about it as if it were the current one."""
        self.mediawiki.hide_revision(rev_id, hide="content|comment|user", suppress=True)
        page, revision = self.fetch_page(rev_id)
        hidden = Visibility(content=False, comment=False, editor=False, suppressed=True)
        suppressed = Revision(revision.rev_id, revision.slots, revision.parent_id, revision.dt, visibility=hidden)
        self._record(events.build_visibility_change(page, suppressed, envelope=self._envelope(), prior=ALL_VISIBLE))

    def fetch_page(self, rev_id: int) -> tuple[Page, Revision]:
        """Return a page and one of its revisions as an administrator sees them, without content."""
        (page,) = self._query({"prop": "revisions|info", "revids": rev_id, "rvprop": _PROPS, "rvslots": "*"})["pages"]
        (shown,) = page["revisions"]
        redirect = RedirectLink("Somewhere") if page.get("redirect") else None
        return Page(page["pageid"], page["title"], page["ns"], redirect), _parse_revision(shown)

    def latest_revision(self, title: str) -> int:
        """Return the id of a page's current revision."""
        (page,) = self._query({"prop": "info", "titles": title})["pages"]
        return int(page["lastrevid"])

    def _query(self, parameters: dict[str, str | int]) -> dict[str, Any]:
        response: dict[str, Any] = self.mediawiki.call_api({"action": "query", **parameters})["query"]
        return response

    def _envelope(self) -> Envelope:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return Envelope(self._wiki, event_id=str(uuid.uuid4()), dt=now, received=now)

    def _record(self, event: Event) -> None:
        self.events.append(event)


def _parse_revision(shown: dict[str, Any]) -> Revision:
    slots = [
        Slot(role, slot["contentmodel"], "", slot["size"], slot["sha1"], shown["revid"])
        for role, slot in shown["slots"].items()
    ]
    editor = User(shown["user"], shown["userid"], groups=("*", "user"), registered="2026-01-01T00:00:00Z")
    return Revision(
        shown["revid"], tuple(slots), shown["parentid"], shown["timestamp"], editor, shown["comment"], shown["minor"]
    )
