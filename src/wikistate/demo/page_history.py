"""History of one wiki, generated change by change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from wikistate.demo import events
from wikistate.demo.page_content import ContentGenerator, Draft, inherit_slot, make_redirect
from wikistate.demo.pages import ALL_VISIBLE, Page, Revision, Slot, User, Visibility, Wiki

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from random import Random

    from wikistate.demo.events import ChangeKind, Event, SchemaVersion
    from wikistate.demo.wikitext import PhraseBank

WEIGHTS: dict[ChangeKind, int] = {
    "create": 14,
    "edit": 68,
    "move": 6,
    "delete": 5,
    "undelete": 3,
    "visibility_change": 4,
}
"""Weights of the kinds, in percent. Edits are rarer than in reality, so that a short sample has every kind."""

HIDDEN_VISIBILITIES = (
    Visibility(content=False),
    Visibility(comment=False),
    Visibility(content=False, editor=False),
    Visibility(content=False, comment=False, editor=False, suppressed=True),
)


class PageHistory:
    """History of a wiki: generator of changes, with the state after them.

    Attributes:
        pages: Existing pages by page id.
        deleted: Deleted and suppressed pages by their last page id.
        revisions: Revisions of each page by page id, oldest first, also of deleted pages.
    """

    def __init__(
        self,
        wiki: Wiki,
        phrases: PhraseBank,
        rng: Random,
        *,
        next_revision: int,
        next_page: int,
        version: SchemaVersion,
    ) -> None:
        self.wiki = wiki
        self.pages: dict[int, Page] = {}
        self.deleted: dict[int, Page] = {}
        self.revisions: dict[int, list[Revision]] = {}
        self._suppressed: set[int] = set()
        self._phrases = phrases
        self._rng = rng
        self._content = ContentGenerator(wiki, phrases, rng)
        regulars = [_make_user(name, rng) for name in phrases.users]
        self._users = [
            *regulars * 4,
            _make_temporary_user(rng),
            _make_temporary_user(rng),
            _make_anonymous_user(rng),
            _make_system_user(),
        ]
        self._next_revision = next_revision
        self._next_page = next_page
        self._version = version
        self._moment = "2026-01-01T00:00:00Z"
        self._received = "2026-01-01T00:00:00.000Z"

    def create_initial_pages(self, pages: int) -> None:
        """Create the pages that exist before the first event."""
        for _ in range(pages):
            self._create(self._content.generate_page())

    def find_page(self, page_id: int) -> tuple[Page, bool]:
        """Return a page of `revisions`, and whether it is deleted."""
        if page_id in self.pages:
            return self.pages[page_id], False
        return self.deleted[page_id], True

    def apply_change(self, moment: datetime, delay: timedelta) -> list[Event]:
        """Apply a random change and return its events; a move that creates a redirect has two.

        Args:
            moment: Time of the change.
            delay: Time until its event is received.
        """
        self._moment = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        self._received = f"{(moment + delay).isoformat(timespec='milliseconds')}Z"
        match self._rng.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]:
            case "edit" if self.pages:
                return [self._edit(self._choose_page())]
            case "move" if self.pages and _is_movable(page := self._choose_page()):
                return self._move(page)
            case "delete" if self.pages:
                return [self._delete(self._choose_page())]
            case "undelete" if restorable := [page_id for page_id in self.deleted if page_id not in self._suppressed]:
                return [self._undelete(self._rng.choice(restorable))]
            case "visibility_change" if self.pages:
                return [self._hide(self._choose_page())]
            case _:
                return [self._create(self._content.generate_page())]

    def _create(self, draft: Draft, comment: str | None = None) -> Event:
        page = Page(self._next_page_id(), draft.title, draft.namespace, draft.redirect)
        comment = self._rng.choice(self._phrases.comments) if comment is None else comment
        saved = self._make_revision(draft.slots, parent_id=0, comment=comment)
        self.pages[page.page_id] = page
        self.revisions[page.page_id] = [saved]
        return events.build_create(page, saved, envelope=self._make_envelope(saved.editor))

    def _edit(self, page: Page) -> Event:
        revisions = self.revisions[page.page_id]
        if len(revisions) > 2 and self._rng.random() < 0.1:
            return self._revert(page)
        if self._rng.random() < 0.01:
            return self._import(page)
        prior = revisions[-1]
        slots = self._content.edit_slots(prior.slots, prior.rev_id)
        saved = self._make_revision(slots, parent_id=prior.rev_id, comment=self._rng.choice(self._phrases.comments))
        page = self._append_revision(page, saved)
        return events.build_edit(page, saved, envelope=self._make_envelope(saved.editor), prior=prior)

    def _revert(self, page: Page) -> Event:
        original, *_, undone = self.revisions[page.page_id][-3:]
        slots = tuple(inherit_slot(part, original.rev_id) for part in original.slots)
        comment = f"Undid revision {undone.rev_id}"
        saved = self._make_revision(slots, parent_id=undone.rev_id, comment=comment, tags=("mw-rollback",))
        oldest = self.revisions[page.page_id][-2].rev_id
        page = self._append_revision(page, saved)
        revert = events.Revert("rollback", original, oldest, undone.rev_id)
        return events.build_edit(page, saved, envelope=self._make_envelope(saved.editor), prior=undone, revert=revert)

    def _import(self, page: Page) -> Event:
        """Add an imported revision, which has an unknown parent."""
        head = self.revisions[page.page_id][-1]
        slots = self._content.edit_slots(head.slots, head.rev_id)
        saved = self._make_revision(slots, parent_id=None, comment="1 revision imported")
        return events.build_edit(self._append_revision(page, saved), saved, envelope=self._make_envelope(saved.editor))

    def _move(self, page: Page) -> list[Event]:
        prior, reason = self.revisions[page.page_id][-1], self._rng.choice(self._phrases.reasons)
        title = self._content.generate_title(page.namespace)
        slots = tuple(inherit_slot(part, prior.rev_id) for part in prior.slots)
        comment = f"moved page [[{page.title}]] to [[{title}]]: {reason}"
        saved = self._make_revision(slots, parent_id=prior.rev_id, comment=comment, minor=True)
        moved = self._append_revision(replace(page, title=title), saved)
        envelope = self._make_envelope(saved.editor)
        if self._rng.random() < 0.3:
            return [events.build_move(moved, saved, envelope=envelope, prior_page=page, prior=prior, comment=reason)]
        created = self._create(make_redirect(moved, title=page.title), comment)
        left = self.pages[self._next_page]
        event = events.build_move(
            moved, saved, envelope=envelope, prior_page=page, prior=prior, comment=reason, left_behind=left
        )
        return [event, created]

    def _delete(self, page: Page) -> Event:
        page = replace(page, revision_count=len(self.revisions[page.page_id]))
        del self.pages[page.page_id]
        head = self.revisions[page.page_id][-1]
        performer, reason = self._rng.choice(self._users), self._rng.choice(self._phrases.reasons)
        self.deleted[page.page_id] = page
        if self._rng.random() < 0.2:
            self._suppressed.add(page.page_id)
            return events.build_delete(
                page, head, envelope=self._make_envelope(None), comment=reason, prior=head.visibility
            )
        return events.build_delete(page, head, envelope=self._make_envelope(performer), comment=reason)

    def _undelete(self, old: int) -> Event:
        deleted, revisions = self.deleted.pop(old), self.revisions.pop(old)
        changed = self._rng.random() < 0.5
        page = replace(deleted, page_id=self._next_page_id() if changed else old)
        self.pages[page.page_id] = page
        self.revisions[page.page_id] = revisions
        envelope = self._make_envelope(self._rng.choice(self._users))
        reason = self._rng.choice(self._phrases.reasons)
        return events.build_undelete(
            page, revisions[-1], envelope=envelope, comment=reason, prior_page_id=old if changed else None
        )

    def _hide(self, page: Page) -> Event:
        revisions = self.revisions[page.page_id]
        prior = revisions[-1].visibility
        now = self._rng.choice(HIDDEN_VISIBILITIES) if prior == ALL_VISIBLE else ALL_VISIBLE
        revisions[-1] = replace(revisions[-1], visibility=now)
        envelope = self._make_envelope(self._rng.choice(self._users))
        return events.build_visibility_change(page, revisions[-1], envelope=envelope, prior=prior)

    def _append_revision(self, page: Page, saved: Revision) -> Page:
        revisions = self.revisions[page.page_id]
        revisions.append(saved)
        self.pages[page.page_id] = page = replace(page, revision_count=len(revisions))
        return page

    def _make_revision(
        self,
        slots: tuple[Slot, ...],
        *,
        parent_id: int | None,
        comment: str,
        minor: bool = False,
        tags: tuple[str, ...] = (),
    ) -> Revision:
        self._next_revision += self._rng.randrange(1, 40)
        editor = self._rng.choice(self._users)
        minor = minor or self._rng.random() < 0.2
        return Revision(self._next_revision, slots, parent_id, self._moment, editor, comment, minor, tags=tags)

    def _choose_page(self) -> Page:
        """Choose a page; newer pages are more likely."""
        numbers = list(self.pages)
        return self.pages[numbers[-1 - int(len(numbers) * self._rng.random() ** 2)]]

    def _next_page_id(self) -> int:
        self._next_page += self._rng.randrange(1, 9)
        return self._next_page

    def _make_envelope(self, performer: User | None) -> events.Envelope:
        return events.Envelope(
            wiki=self.wiki,
            event_id=self._make_uuid(),
            request_id=self._make_uuid(),
            dt=self._moment,
            received=self._received,
            performer=performer,
            version=self._version,
        )

    def _make_uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))


def _is_movable(page: Page) -> bool:
    """Return whether a page may move: items never do, and other technical pages would lose the suffix of their titles."""
    return page.namespace in {0, 1} and not (page.title[:1] == "Q" and page.title[1:].isdigit())


def _make_user(name: str, rng: Random) -> User:
    is_bot = "bot" in name.casefold()
    groups = ("bot", "*", "user", "autoconfirmed") if is_bot else ("extendedconfirmed", "*", "user", "autoconfirmed")
    registered = (
        f"20{rng.randrange(10, 26)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}T08:{rng.randrange(60):02}:11Z"
    )
    number, edits = rng.randrange(1_000, 60_000_000), rng.randrange(1, 90_000)
    return User(name, number, number + 7_000_000, groups, edits, registered, is_bot=is_bot)


def _make_temporary_user(rng: Random) -> User:
    """Make a temporary account."""
    number = rng.randrange(40_000_000, 60_000_000)
    name = f"~2026-{rng.randrange(10_000, 99_999)}-{rng.randrange(10, 99)}"
    return User(name, number, number + 7_000_000, ("*", "user", "temp"), 3, "2026-06-01T05:00:00Z", is_temp=True)


def _make_anonymous_user(rng: Random) -> User:
    """Make a user without an account: an address of the range for documentation (RFC 5737)."""
    return User(f"203.0.113.{rng.randrange(1, 255)}")


def _make_system_user() -> User:
    return User("Maintenance script", 912, None, ("*", "user"), 0, None, is_system=True)
