"""Repository of a fake Wikibase: all revisions of all entities, and the journal of changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import time
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.events.timestamps import format_timestamp
from wikistate.demo.pages import Page, RedirectLink, Revision, User, Visibility, Wiki, compute_sha1, make_slot
from wikistate.testing.wiki.datasets import MemoryDataset
from wikistate.testing.wikibase.changes import Change, ListedPage
from wikistate.testing.wikibase.documents import RevisionStamp, describe
from wikistate.testing.wikibase.entities import EntityKind, Item, MediaInfo, Redirect, kind_of
from wikistate.testing.wikibase.layout import SUITE_NAMESPACES, make_wikibase_wiki
from wikistate.testing.wikibase.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyoxigraph import Triple

    from wikistate.demo.events import ChangeKind
    from wikistate.demo.pages import Slot
    from wikistate.testing.wikibase.entities import AnyEntity, Statement

_EDITOR = User("Editor", 7, 7_000_007, ("*", "user", "autoconfirmed"), 42, "2020-01-01T00:00:00Z")
_HIDDEN = Visibility(content=False)


@dataclass(slots=True)
class _EntityHistory:
    """Page with its revisions. `entities` has a member for each of `revisions`."""

    page: Page
    revisions: list[Revision] = field(default_factory=list)
    entities: list[AnyEntity] = field(default_factory=list)
    deleted: bool = False
    suppressed: bool = False
    protected: bool = False


class _RevisionPosition(NamedTuple):
    """Position of a revision in its history, and its time in milliseconds since the epoch."""

    history: _EntityHistory
    number: int
    time: int


class Repository:
    """Repository of entities. Each method that changes an entity returns the changes.

    Args:
        wiki: The wiki of the repository.
        vocabulary: IRIs of its documents; None for those of the concept base of the wiki.
        clock: Seconds since the epoch. Revisions have whole seconds, as in MediaWiki.

    Attributes:
        journal: All changes.
        dataset: Pages and revisions in the form for the Action API.
        log_rows_name_null_revisions: Whether the row of a protection names its null revision; old wikis do not.
        recent_changes_since: Retention of recent changes: older ones are not listed. Milliseconds since the epoch.
    """

    def __init__(
        self, wiki: Wiki | None = None, *, vocabulary: Vocabulary | None = None, clock: Callable[[], float] = time
    ) -> None:
        self.wiki = wiki or make_wikibase_wiki()
        self.vocabulary = vocabulary or Vocabulary(self.wiki.concept_base)
        self.dataset = MemoryDataset(self.wiki)
        self.journal: list[Change] = []
        self.log_rows_name_null_revisions = True
        self.recent_changes_since = 0
        self._clock = clock
        self._histories: dict[str, _EntityHistory] = {}
        self._positions: dict[int, _RevisionPosition] = {}
        self._last_revision = 0
        self._last_log = 0
        self._last_change = 0
        self._last_page = 0
        self._last_ids: dict[EntityKind, int] = {}
        self._namespaces = {model: number for number, model in self.wiki.content_models.items()}

    def next_id(self, kind: EntityKind) -> str:
        """Return an unused entity id. The id of media info has the number of the next page."""
        number = self._last_page + 1 if kind is EntityKind.MEDIA else self._last_ids.get(kind, 0) + 1
        return f"{kind}{number}"

    @property
    def current_revisions(self) -> dict[str, int]:
        """Current revision of each existing entity, including redirects."""
        return {
            entity: history.revisions[-1].rev_id for entity, history in self._histories.items() if not history.deleted
        }

    def current_revision(self, entity_id: str) -> int:
        """Return the current revision of an entity, or 0 if it does not exist."""
        history = self._histories.get(entity_id)
        return 0 if history is None or history.deleted else history.revisions[-1].rev_id

    @property
    def restorable(self) -> list[str]:
        """Deleted entities that can be restored."""
        return [entity for entity, history in self._histories.items() if history.deleted and not history.suppressed]

    def now(self) -> int:
        """Return the time of the wiki, milliseconds since the epoch."""
        return int(self._clock() * 1000)

    @property
    def present_pages(self) -> set[int]:
        """Page ids of all existing entities."""
        return {history.page.page_id for history in self._histories.values() if not history.deleted}

    def list_pages(self) -> Iterator[ListedPage]:
        """Yield the pages of all existing entities."""
        for history in self._histories.values():
            if not history.deleted:
                page, saved = history.page, history.revisions[-1]
                yield ListedPage(
                    page_id=page.page_id,
                    namespace=page.namespace,
                    title=page.title,
                    model=saved.slots[0].model,
                    revision=saved.rev_id,
                    parent=saved.parent_id or 0,
                    touched=saved.dt,
                    size=saved.size,
                    is_redirect=page.redirect is not None,
                    is_new=len(history.revisions) == 1,
                )

    def entity(self, entity_id: str) -> AnyEntity:
        """Return the latest state of an entity, also of a deleted one."""
        return self._histories[entity_id].entities[-1]

    def revisions(self, entity_id: str) -> list[Revision]:
        """Return all revisions of an entity, oldest first."""
        return list(self._histories[entity_id].revisions)

    def save(self, entity: AnyEntity, *, comment: str = "/* saved */", in_recent_changes: bool = True) -> Change:
        """Create an entity, or edit it.

        Args:
            entity: New state of the entity.
            comment: Comment of the edit.
            in_recent_changes: Whether the change is listed; bulk imports bypass recent changes.
        """
        history = self._histories.get(entity.id)
        kind: ChangeKind = "create" if history is None else "edit"
        if history is None:
            history = self._histories[entity.id] = _EntityHistory(self._new_page(entity))
        prior = history.revisions[-1] if history.revisions else None
        saved = Revision(
            rev_id=self._next_revision(),
            slots=_make_slots(entity),
            parent_id=prior.rev_id if prior else 0,
            dt=self._format_now(),
            editor=_EDITOR,
            comment=comment,
        )
        self._append(history, entity, saved)
        return self._record_change(kind, entity.id, saved, prior=prior, in_recent_changes=in_recent_changes)

    def redirect(self, entity_id: str, target: str) -> Change:
        """Make an entity a redirect to another."""
        comment = f"/* wbcreateredirect:0||{entity_id}|{target} */"
        return self.save(Redirect(id=entity_id, target=target), comment=comment)

    def merge(self, source: str, target: str) -> list[Change]:
        """Merge an item into another in three edits: its content including sitelinks moves, and it becomes a redirect."""
        old, new = self.entity(source), self.entity(target)
        assert isinstance(old, Item)
        assert isinstance(new, Item)
        merged = replace(
            new,
            labels={**old.labels, **new.labels},
            statements=new.statements + tuple(_with_owner(statement, target) for statement in old.statements),
            sitelinks=new.sitelinks + old.sitelinks,
        )
        emptied = self.save(Item(id=source), comment=f"/* wbmergeitems-to:0||{target} */")
        filled = self.save(merged, comment=f"/* wbmergeitems-from:0||{source} */")
        return [emptied, filled, self.redirect(source, target)]

    def protect(self, entity_id: str, *, comment: str = "often vandalised") -> Change:
        """Protect an entity, or end its protection: a null revision is saved, and only the log names it."""
        history = self._histories[entity_id]
        is_protected = history.protected = not history.protected
        prior = history.revisions[-1]
        saved = replace(
            prior, rev_id=self._next_revision(), parent_id=prior.rev_id, dt=self._format_now(), comment=comment
        )
        self._append(history, history.entities[-1], saved)
        action = "protect" if is_protected else "unprotect"
        return self._record_change(
            "edit", entity_id, saved, prior=prior, comment=comment, logged=True, log_action=action
        )

    def delete(self, entity_id: str, *, suppress: bool = False, comment: str = "not notable") -> Change:
        """Delete an entity; with `suppress`, administrators cannot read it either."""
        history = self._histories[entity_id]
        history.deleted, history.suppressed = True, suppress
        self.dataset.remove_page(self.wiki, history.page, [saved.rev_id for saved in history.revisions])
        before = history.revisions[-1].visibility if suppress else None
        return self._record_change(
            "delete", entity_id, history.revisions[-1], comment=comment, prior_visibility=before, logged=True
        )

    def restore(self, entity_id: str, *, comment: str = "notable after all") -> Change:
        """Restore a deleted entity with all its revisions."""
        history = self._histories[entity_id]
        history.deleted = False
        self.dataset.put(self.wiki, history.page, *history.revisions)
        return self._record_change("undelete", entity_id, history.revisions[-1], comment=comment, logged=True)

    def hide(self, entity_id: str, revision: int, *, visibility: Visibility = _HIDDEN) -> Change:
        """Change the visibility of a revision."""
        history, number, _ = self._positions[revision]
        before = history.revisions[number].visibility
        history.revisions[number] = hidden = replace(history.revisions[number], visibility=visibility)
        self.dataset.put(self.wiki, history.page, *history.revisions)
        return self._record_change("visibility_change", entity_id, hidden, prior_visibility=before, logged=True)

    def is_visible(self, entity_id: str, revision: int, *, replication_delay: float = 0.0) -> bool:
        """Return whether a revision is visible to readers.

        Args:
            entity_id: Entity of the revision.
            revision: Revision id.
            replication_delay: Seconds until a replica has a new revision.
        """
        position = self._positions.get(revision)
        if position is None or position.history is not self._histories.get(entity_id) or position.history.deleted:
            return False
        is_replicated = self.now() - position.time >= replication_delay * 1000
        return is_replicated and position.history.revisions[position.number].visibility.content

    def is_dangling_redirect(self, entity_id: str, revision: int) -> bool:
        """Return whether a revision is a redirect that leads to a deleted entity, directly or over other redirects."""
        position = self._positions.get(revision)
        if position is None or position.history is not self._histories.get(entity_id):
            return False
        found, passed = position.history.entities[position.number], {entity_id}
        while isinstance(found, Redirect) and found.target not in passed:
            passed.add(found.target)
            history = self._histories[found.target]
            if history.deleted:
                return True
            found = history.entities[-1]
        return False

    def document(self, entity_id: str, revision: int = 0) -> list[Triple] | None:
        """Return the triples of a revision, 0 for the current one; None if it does not exist or is not visible."""
        revision = revision or self.current_revision(entity_id)
        if not self.is_visible(entity_id, revision):
            return None
        history, number, _ = self._positions[revision]
        saved = history.revisions[number]
        return describe(history.entities[number], RevisionStamp(saved.rev_id, saved.dt), self.vocabulary)

    def dump(self) -> Iterator[Triple]:
        """Yield the documents of all existing entities. Triples of shared nodes occur once for each entity with the node."""
        for entity_id in self.current_revisions:
            yield from self.document(entity_id) or ()

    def _next_revision(self) -> int:
        self._last_revision += 1
        return self._last_revision

    def _append(self, history: _EntityHistory, entity: AnyEntity, saved: Revision) -> None:
        self._positions[saved.rev_id] = _RevisionPosition(history, len(history.revisions), self.now())
        history.revisions.append(saved)
        history.entities.append(entity)
        history.page = replace(
            history.page, redirect=self._make_redirect_link(entity), revision_count=len(history.revisions)
        )
        self.dataset.put(self.wiki, history.page, saved)

    def _new_page(self, entity: AnyEntity) -> Page:
        kind = kind_of(entity.id)
        self._last_ids[kind] = max(self._last_ids.get(kind, 0), int(entity.id[1:]))
        self._last_page += 1
        number = self._namespaces.get(kind.model, SUITE_NAMESPACES[kind])
        prefix = f"{self.wiki.namespaces[number]}:" if number else ""
        name = entity.file if isinstance(entity, MediaInfo) else entity.id
        return Page(self._last_page, f"{prefix}{name}", number)

    def _make_redirect_link(self, entity: AnyEntity) -> RedirectLink | None:
        if not isinstance(entity, Redirect):
            return None
        target = self._histories[entity.target].page
        return RedirectLink(target.title, target.namespace, target.page_id)

    def _record_change(
        self,
        kind: ChangeKind,
        entity_id: str,
        revision: Revision,
        *,
        prior: Revision | None = None,
        comment: str = "",
        prior_visibility: Visibility | None = None,
        logged: bool = False,
        log_action: str = "",
        in_recent_changes: bool = True,
    ) -> Change:
        self._last_log += logged
        self._last_change += 1
        change = Change(
            number=self._last_change,
            kind=kind,
            entity=entity_id,
            page=self._histories[entity_id].page,
            revision=revision,
            time=self.now(),
            prior=prior,
            comment=comment,
            log_id=self._last_log if logged else 0,
            prior_visibility=prior_visibility,
            log_action=log_action,
        )
        if in_recent_changes:
            self.journal.append(change)
        return change

    def _format_now(self) -> str:
        return format_timestamp(int(self._clock()) * 1000).replace(".000", "")


def _make_slots(entity: AnyEntity) -> tuple[Slot, ...]:
    """Make the slots of an entity. Its JSON is never parsed, but it must exist and differ between entities."""
    if isinstance(entity, Redirect):
        text = f'{{"entity":"{entity.id}","redirect":"{entity.target}"}}'
    else:
        text = f'{{"id":"{entity.id}","hash":"{compute_sha1(repr(entity))}"}}'
    model = kind_of(entity.id).model
    if isinstance(entity, MediaInfo):
        return make_slot(f"== Summary of {entity.file} =="), make_slot(text, model=model, role="mediainfo")
    return (make_slot(text, model=model),)


def _with_owner(statement: Statement, owner: str) -> Statement:
    """Return the statement with another entity in its id."""
    return replace(statement, guid=f"{owner}${statement.guid.partition('$')[2]}")
