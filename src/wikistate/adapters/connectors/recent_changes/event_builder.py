"""The page_change events of changes, with details that their rows do not contain.

The details are requested after the change. If the wiki no longer shows them (the page was deleted since), the event holds
the values of the row and the last known revision of the page. A request only adds values.

A revision that is known and not certain has its id and time and no other value: the page may have been saved again between
the last request and its deletion, and the wiki shows that to few users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from wikistate.adapters.connectors.recent_changes.page_cache import KnownRevision, to_known_revision
from wikistate.core.events.fields import FieldError, quote_value
from wikistate.core.events.integers import MAX_INTEGER, read_integer
from wikistate.core.events.page_change import PageChangeKind, build_page, build_page_change, build_revision, build_user
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.core.events.wiki_changes import ChangeType, WikiChange
from wikistate.core.events.wiki_rows import refuse

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from wikistate.adapters.connectors.recent_changes.inventory import Inventory
    from wikistate.adapters.connectors.recent_changes.page_cache import PageCache
    from wikistate.adapters.connectors.recent_changes.wiki import RecentChangesWiki
    from wikistate.core.events.page_change import WikiMetadata
    from wikistate.core.events.wiki_pages import RevisionWithPage
    from wikistate.core.events.wiki_rows import UnreadableRow

Json = dict[str, Any]

_ACTION_DELAY = 10_000  # milliseconds between an action and a revision that it saves, which has a separate timestamp

log = structlog.get_logger(__name__)


class ChangeEvent(NamedTuple):
    """An event about one change.

    Attributes:
        identity: The identity of the change.
        timestamp: The time of the change in milliseconds since the epoch.
        event: The ``mediawiki/page/change`` event.
        covered_changes: The changes, as identity and timestamp, that are done when this event is, and all events before it.
    """

    identity: str
    timestamp: int
    event: Json
    covered_changes: tuple[tuple[str, int], ...]


class EventBuilder:
    """A builder of the events of one wiki.

    Args:
        wiki: The wiki.
        facts: The common values of all its events.
        pages: The known revisions of its pages.
        inventory: The inventory of its pages.
    """

    def __init__(self, wiki: RecentChangesWiki, facts: WikiMetadata, pages: PageCache, inventory: Inventory) -> None:
        self._wiki = wiki
        self._facts = facts
        self._pages = pages
        self._inventory = inventory
        self._revisions: dict[int, RevisionWithPage] = {}
        self._current: dict[str, RevisionWithPage] = {}

    async def build(
        self, changes: Sequence[WikiChange], *, known: Container[str] = ()
    ) -> list[ChangeEvent | UnreadableRow]:
        """Return the events of changes in their order. A change may have no event, or two: a move and its redirect.

        A change whose details cannot be read is returned as its row, with the reason.

        Args:
            changes: The changes.
            known: The identities of changes that already have an event.
        """
        self._known = known
        self._saved = {change.identity for change in changes if change.change_type is ChangeType.SAVED}
        events: list[ChangeEvent | UnreadableRow] = []
        try:
            events += await self._build_all(changes)
        except FieldError:
            # One answer that cannot be read must not stop all changes.
            for change in changes:
                try:
                    events += await self._build_all([change])
                except FieldError as error:
                    events.append(_refuse(change, error))
        await self._pages.save()
        return events

    async def _build_all(self, changes: Sequence[WikiChange]) -> list[ChangeEvent]:
        await self._fetch_details(changes)
        return [event for change in changes for event in await self._build_events(change)]

    async def _fetch_details(self, changes: Sequence[WikiChange]) -> None:
        self._revisions = await self._wiki.revisions(_wanted_revisions(changes))
        self._current = await self._wiki.pages(_wanted_titles(changes))
        made = [self._find_made_revision(change) for change in changes]
        self._revisions |= await self._wiki.revisions(found.revision.get("parentid") or 0 for found in made if found)
        await self._pages.load({change.page_id for change in changes if change.page_id})

    def _find_made_revision(self, change: WikiChange) -> RevisionWithPage | None:
        """Return the revision that a log action has saved, whose row does not name the revision before it."""
        if change.change_type not in (ChangeType.MOVED, ChangeType.REVISED):
            return None
        return self._revisions.get(change.rev_id) if change.rev_id else self._current.get(change.title)

    async def _build_events(self, change: WikiChange) -> list[ChangeEvent]:
        events: list[ChangeEvent]
        match change.change_type:
            case ChangeType.SAVED:
                events = [self._build_edit(change, self._revisions.get(change.rev_id))]
            case ChangeType.IMPORTED:
                events = self._build_import(change)
            case ChangeType.REVISED:
                events = self._build_revised(change)
            case ChangeType.MOVED:
                events = await self._build_move(change)
            case ChangeType.DELETED:
                events = await self._build_delete(change)
            case ChangeType.UNDELETED:
                events = [await self._build_undelete(change)]
            case ChangeType.HIDDEN:
                events = self._build_visibility_change(change)
        return events

    def _build_edit(self, change: WikiChange, found: RevisionWithPage | None) -> ChangeEvent:
        revision = build_revision(found.revision if found else _revision_from_row(change))
        prior = self._revisions.get(revision.get("rev_parent_id") or change.row.get("old_revid") or 0)
        kind = (
            PageChangeKind.CREATE
            if change.row.get("type") == "new" or revision.get("rev_parent_id") == 0
            else PageChangeKind.EDIT
        )
        return self._build_event(
            change,
            kind,
            page=self._build_page(change, found),
            revision=revision,
            dt=revision["rev_dt"],
            prior={"revision": build_revision(prior.revision)} if prior else None,
        )

    def _build_import(self, change: WikiChange) -> list[ChangeEvent]:
        found = self._revisions.get(change.rev_id) or self._current.get(change.title)
        if found is None:  # deleted since: the deletion is a separate change
            return []
        return [self._build_edit(change, found)]

    def _build_revised(self, change: WikiChange) -> list[ChangeEvent]:
        """Return the event of a revision that a log action saved; none if the entry only mentions an older revision."""
        found = self._find_made_revision(change)
        if found is None:
            stored = self._pages.get(change.page_id)
            if stored is not None and change.rev_id > stored.rev_id:  # deleted since: its deletion is a separate change
                self._pages.put(change.page_id, to_known_revision(change.rev_id, change.row["timestamp"]))
            return []
        identity = f"rev:{found.revision['revid']}"
        is_new = identity not in self._saved and (bool(change.rev_id) or identity not in self._known)
        if not is_new or abs(_revision_time(found.revision) - change.timestamp) > _ACTION_DELAY:
            return []
        page_id = found.page["pageid"]
        event = self._build_edit(change._replace(identity=identity, page_id=page_id), found)
        return [event._replace(covered_changes=((change.identity, change.timestamp), *event.covered_changes))]

    async def _build_move(self, change: WikiChange) -> list[ChangeEvent]:
        title, namespace = (
            str(change.params.get("target_title")),
            _read_number(change, change.params.get("target_ns", 0)),
        )
        found = self._revisions.get(change.rev_id) or self._current.get(title)
        stored = self._pages.get(change.page_id)
        page_id = found.page["pageid"] if found else change.page_id
        page = build_page(self._facts, page_id=page_id, title=title, namespace=namespace)
        before = build_page(self._facts, page_id=page_id, title=change.title, namespace=change.row["ns"])
        prior: Json = {"page": {name: value for name, value in before.items() if page[name] != value}}
        if found and (parent := self._revisions.get(found.revision.get("parentid") or 0)):
            prior["revision"] = build_revision(parent.revision)
        redirect = await self._build_redirect(change)
        revision = build_revision(found.revision) if found else _revision_from_log(change) or _to_entity(stored)
        move = self._build_event(
            change, PageChangeKind.MOVE, page=page, revision=revision, prior=prior, comment=_format_comment(change)
        )
        if redirect is None:
            return [move]
        move.event["created_redirect_page"] = redirect.event["page"]
        # A move is done with its redirect: a restart between the two would lose the redirect.
        return [
            move._replace(covered_changes=()),
            redirect._replace(covered_changes=(*move.covered_changes, *redirect.covered_changes)),
        ]

    async def _build_redirect(self, change: WikiChange) -> ChangeEvent | None:
        """Return the event of the redirect of a move, which has no separate row; None if there is none."""
        if change.params.get("suppressredirect"):
            return None
        found = await self._wiki.first_revision(change.title)
        if found is None or abs(_revision_time(found.revision) - change.timestamp) > _ACTION_DELAY:
            return None  # deleted or replaced since, which has separate rows
        made = change._replace(identity=f"rev:{found.revision['revid']}", page_id=found.page["pageid"])
        return self._build_edit(made, found)

    async def _build_delete(self, change: WikiChange) -> list[ChangeEvent]:
        """Return the event of a deletion; none for a page that was created and deleted without any event."""
        stored, shown = self._pages.get(change.page_id), await self._wiki.deleted_revision(change)
        if shown is None and stored is None and self._inventory.is_complete_at(change.timestamp):
            log.info("unseen_page_deleted", wiki=self._facts.domain, page_id=change.page_id, log_id=change.identity)
            return []
        return [
            self._build_event(
                change,
                PageChangeKind.DELETE,
                page=self._build_page(change, None),
                revision=build_revision(shown) if shown else _to_entity(stored),
                comment=_format_comment(change),
            )
        ]

    async def _build_undelete(self, change: WikiChange) -> ChangeEvent:
        found, stored = self._current.get(change.title), self._pages.get(change.page_id)
        if found and _revision_time(found.revision) > change.timestamp:  # saved again since, which has a separate row
            found = await self._wiki.revision_at(change.title, change.timestamp)
        revision = build_revision(found.revision) if found else _to_entity(stored)
        page_id = found.page["pageid"] if found else change.page_id
        page = build_page(self._facts, page_id=page_id, title=change.title, namespace=change.row["ns"])
        return self._build_event(
            change, PageChangeKind.UNDELETE, page=page, revision=revision, comment=_format_comment(change)
        )

    def _build_visibility_change(self, change: WikiChange) -> list[ChangeEvent]:
        """Return the event of a change of visibility: only that of the current revision changes the state of the page."""
        ids = _suppressed_ids(change)
        current, stored = self._current.get(change.title), self._pages.get(change.page_id)
        affected = next(
            (rev_id for rev_id in (current and current.revision["revid"], stored and stored.rev_id) if rev_id in ids),
            None,
        )
        found = self._revisions.get(affected or 0)
        if found is None:
            return []
        stated = change.params.get("old")
        was = stated if isinstance(stated, dict) else {}
        revision = build_revision(found.revision)
        flags = {f"is_{ours}_visible": not was.get(theirs) for ours, theirs in _PARTS.items()}
        changed = {name: value for name, value in flags.items() if revision[name] != value}
        page = self._build_page(change, found)
        return [
            self._build_event(
                change, PageChangeKind.VISIBILITY, page=page, revision=revision, prior={"revision": changed}
            )
        ]

    def _build_page(self, change: WikiChange, found: RevisionWithPage | None) -> Json:
        is_current = found is not None and found.page.get("lastrevid") == found.revision["revid"]
        return build_page(
            self._facts,
            page_id=change.page_id or (found.page["pageid"] if found else 0),
            title=change.title,
            namespace=change.row["ns"],
            is_redirect=bool(found.page.get("redirect")) if found and is_current else None,
        )

    def _build_event(
        self,
        change: WikiChange,
        kind: PageChangeKind,
        *,
        page: Json,
        revision: Json | None,
        dt: str = "",
        prior: Json | None = None,
        comment: str | None = None,
    ) -> ChangeEvent:
        if revision is not None and kind is not PageChangeKind.DELETE:
            self._pages.put(page["page_id"], to_known_revision(revision["rev_id"], revision["rev_dt"]))
        event = build_page_change(
            self._facts,
            kind,
            identity=change.identity,
            dt=dt or change.row["timestamp"],
            page=page,
            revision=revision,
            performer=build_user(change.row),
            comment=comment,
            prior=prior,
        )
        return ChangeEvent(change.identity, change.timestamp, event, ((change.identity, change.timestamp),))


_PARTS = {"content": "content", "comment": "comment", "editor": "user"}
"""The parts of a revision that can be hidden: the name in events, and the name in the log."""


def _wanted_revisions(changes: Iterable[WikiChange]) -> Iterable[int]:
    for change in changes:
        yield from (
            rev_id for rev_id in (change.rev_id, change.row.get("old_revid"), *_suppressed_ids(change)) if rev_id
        )


def _wanted_titles(changes: Iterable[WikiChange]) -> Iterable[str]:
    for change in changes:
        match change.change_type:
            case ChangeType.UNDELETED | ChangeType.HIDDEN | ChangeType.IMPORTED:
                yield change.title
            case ChangeType.MOVED:
                yield str(change.params.get("target_title"))
            case ChangeType.REVISED if not change.rev_id:
                yield change.title
            case ChangeType.SAVED | ChangeType.DELETED | ChangeType.REVISED:
                pass


def _suppressed_ids(change: WikiChange) -> list[int]:
    if change.change_type is not ChangeType.HIDDEN or change.params.get("type") != "revision":
        return []
    return [_read_number(change, rev_id) for rev_id in _as_list(change.params.get("ids"))]


def _as_list(value: object) -> list[Any]:
    """Return a list of the parameters of a log entry; old entries have other forms, which name no revision."""
    return value if isinstance(value, list) else []


def _read_number(change: WikiChange, value: object) -> int:
    """Return a number among the parameters of a log entry. Raises `FieldError`."""
    number = read_integer(value)
    if number is None:
        raise FieldError(
            f"The log entry {change.identity} states {quote_value(value)} where a number from 0 to {MAX_INTEGER} is expected"
        )
    return number


def _refuse(change: WikiChange, error: FieldError) -> UnreadableRow:
    found = refuse(change.row, error.message)
    return found._replace(identity=change.identity, timestamp=change.timestamp)


def _revision_from_row(change: WikiChange) -> Json:
    """Return the revision of a row of recent changes, with the names of a revision."""
    row = change.row
    visible = {name: row[name] for name in ("timestamp", "minor", "user", "userid", "comment") if name in row}
    hidden = {name: row[name] for name in ("userhidden", "commenthidden", "sha1hidden") if name in row}
    ids = {"revid": change.rev_id, "parentid": row.get("old_revid", 0), "size": row.get("newlen", 0)}
    return ids | visible | hidden


def _revision_from_log(change: WikiChange) -> Json | None:
    """Return the required values of the revision of a log entry; None if the entry names no revision."""
    return {"rev_id": change.rev_id, "rev_dt": change.row["timestamp"]} if change.rev_id else None


def _to_entity(stored: KnownRevision | None) -> Json | None:
    return stored.entity if stored else None


def _format_comment(change: WikiChange) -> str | None:
    return None if "commenthidden" in change.row else change.row.get("comment")


def _revision_time(revision: Json) -> int:
    return parse_timestamp(revision["timestamp"]) or 0
