"""A Wikibase's memory: all entities in all their revisions, and what happened to them in order."""

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
    """A page with all that was saved of it. `entities` has a member for each of `revisions`."""

    page: Page
    revisions: list[Revision] = field(default_factory=list)
    entities: list[AnyEntity] = field(default_factory=list)
    deleted: bool = False
    suppressed: bool = False


class _RevisionPosition(NamedTuple):
    """Where a revision is: in which past, at which place, and since when, milliseconds since the epoch."""

    history: _EntityHistory
    number: int
    time: int


class Repository:
    """Entities, changed by methods that are named after what an editor does. Each returns what happened.

    Args:
        wiki: Which wiki it is.
        vocabulary: The IRIs of its documents; None for those of the wiki's concept base.
        clock: Seconds since the epoch. Revisions have whole seconds, as MediaWiki's have.

    Attributes:
        journal: All changes.
        dataset: Its pages and revisions, as the Action API shows them.
        recent_changes_since: Recent changes from before this time are forgotten, milliseconds since the epoch.
    """

    def __init__(
        self, wiki: Wiki | None = None, *, vocabulary: Vocabulary | None = None, clock: Callable[[], float] = time
    ) -> None:
        self.wiki = wiki or make_wikibase_wiki()
        self.vocabulary = vocabulary or Vocabulary(self.wiki.concept_base)
        self.dataset = MemoryDataset(self.wiki)
        self.journal: list[Change] = []
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
        """An id that no entity had. That of media info is the number of the next page."""
        number = self._last_page + 1 if kind is EntityKind.MEDIA else self._last_ids.get(kind, 0) + 1
        return f"{kind}{number}"

    @property
    def current_revisions(self) -> dict[str, int]:
        """The revision of each entity that is there, redirects included."""
        return {entity: past.revisions[-1].rev_id for entity, past in self._histories.items() if not past.deleted}

    def current_revision(self, entity_id: str) -> int:
        """The revision of an entity, 0 where it is not there."""
        past = self._histories.get(entity_id)
        return 0 if past is None or past.deleted else past.revisions[-1].rev_id

    @property
    def restorable(self) -> list[str]:
        """The entities that were deleted and can be restored."""
        return [entity for entity, past in self._histories.items() if past.deleted and not past.suppressed]

    def now(self) -> int:
        """The wiki's clock, milliseconds since the epoch."""
        return int(self._clock() * 1000)

    @property
    def present_pages(self) -> set[int]:
        """The numbers of the pages of all entities that are there."""
        return {past.page.page_id for past in self._histories.values() if not past.deleted}

    def list_pages(self) -> Iterator[ListedPage]:
        """The pages of all entities that are there."""
        for past in self._histories.values():
            if not past.deleted:
                page, saved = past.page, past.revisions[-1]
                yield ListedPage(
                    page_id=page.page_id,
                    namespace=page.namespace,
                    title=page.title,
                    model=saved.slots[0].model,
                    revision=saved.rev_id,
                    touched=saved.dt,
                    size=saved.size,
                    is_redirect=page.redirect is not None,
                    is_new=len(past.revisions) == 1,
                )

    def entity(self, entity_id: str) -> AnyEntity:
        """An entity as it is now, or was when it was deleted."""
        return self._histories[entity_id].entities[-1]

    def revisions(self, entity_id: str) -> list[Revision]:
        """All revisions of an entity, oldest first."""
        return list(self._histories[entity_id].revisions)

    def save(self, entity: AnyEntity, *, comment: str = "/* saved */", in_recent_changes: bool = True) -> Change:
        """Create an entity, or edit it.

        Args:
            entity: As it is to be.
            comment: Of the edit.
            in_recent_changes: Whether anybody hears of it; bulk imports bypass recent changes.
        """
        past = self._histories.get(entity.id)
        kind: ChangeKind = "create" if past is None else "edit"
        if past is None:
            past = self._histories[entity.id] = _EntityHistory(self._new_page(entity))
        prior = past.revisions[-1] if past.revisions else None
        self._last_revision += 1
        saved = Revision(
            rev_id=self._last_revision,
            slots=_make_slots(entity),
            parent_id=prior.rev_id if prior else 0,
            dt=self._format_now(),
            editor=_EDITOR,
            comment=comment,
        )
        self._positions[saved.rev_id] = _RevisionPosition(past, len(past.revisions), self.now())
        past.revisions.append(saved)
        past.entities.append(entity)
        past.page = replace(past.page, redirect=self._make_redirect_link(entity), revision_count=len(past.revisions))
        self.dataset.put(self.wiki, past.page, saved)
        return self._record_change(kind, entity.id, saved, prior=prior, in_recent_changes=in_recent_changes)

    def redirect(self, entity_id: str, target: str) -> Change:
        """Make an entity a redirect to another."""
        comment = f"/* wbcreateredirect:0||{entity_id}|{target} */"
        return self.save(Redirect(id=entity_id, target=target), comment=comment)

    def merge(self, source: str, target: str) -> list[Change]:
        """Merge an item into another, in three edits: what it has moves, sitelinks included; then it is a redirect."""
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

    def delete(self, entity_id: str, *, suppress: bool = False, comment: str = "not notable") -> Change:
        """Delete an entity, for administrators too if it is suppressed."""
        past = self._histories[entity_id]
        past.deleted, past.suppressed = True, suppress
        self.dataset.remove_page(self.wiki, past.page, [saved.rev_id for saved in past.revisions])
        before = past.revisions[-1].visibility if suppress else None
        return self._record_change(
            "delete", entity_id, past.revisions[-1], comment=comment, prior_visibility=before, logged=True
        )

    def restore(self, entity_id: str, *, comment: str = "notable after all") -> Change:
        """Undelete an entity, with all its revisions."""
        past = self._histories[entity_id]
        past.deleted = False
        self.dataset.put(self.wiki, past.page, *past.revisions)
        return self._record_change("undelete", entity_id, past.revisions[-1], comment=comment, logged=True)

    def hide(self, entity_id: str, revision: int, *, visibility: Visibility = _HIDDEN) -> Change:
        """Change what may be seen of a revision."""
        past, number, _ = self._positions[revision]
        before = past.revisions[number].visibility
        past.revisions[number] = hidden = replace(past.revisions[number], visibility=visibility)
        self.dataset.put(self.wiki, past.page, *past.revisions)
        return self._record_change("visibility_change", entity_id, hidden, prior_visibility=before, logged=True)

    def is_visible(self, entity_id: str, revision: int, *, replication_delay: float = 0.0) -> bool:
        """Whether a reader may see a revision.

        Args:
            entity_id: Whose it is.
            revision: Its number.
            replication_delay: Seconds that a replica takes to have it.
        """
        place = self._positions.get(revision)
        if place is None or place.history is not self._histories.get(entity_id) or place.history.deleted:
            return False
        is_there = self.now() - place.time >= replication_delay * 1000
        return is_there and place.history.revisions[place.number].visibility.content

    def document(self, entity_id: str, revision: int = 0) -> list[Triple] | None:
        """The triples of a revision, 0 for the current one; None where a reader may not see it or there is none."""
        revision = revision or self.current_revision(entity_id)
        if not self.is_visible(entity_id, revision):
            return None
        past, number, _ = self._positions[revision]
        saved = past.revisions[number]
        return describe(past.entities[number], RevisionStamp(saved.rev_id, saved.dt), self.vocabulary)

    def dump(self) -> Iterator[Triple]:
        """The documents of all entities that are there. Triples of shared nodes come once for each that uses them."""
        for entity_id in self.current_revisions:
            yield from self.document(entity_id) or ()

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
        )
        if in_recent_changes:
            self.journal.append(change)
        return change

    def _format_now(self) -> str:
        return format_timestamp(int(self._clock()) * 1000).replace(".000", "")


def _make_slots(entity: AnyEntity) -> tuple[Slot, ...]:
    """Nobody reads an entity's JSON here; it has to be there, and to differ where the entity does."""
    if isinstance(entity, Redirect):
        text = f'{{"entity":"{entity.id}","redirect":"{entity.target}"}}'
    else:
        text = f'{{"id":"{entity.id}","hash":"{compute_sha1(repr(entity))}"}}'
    model = kind_of(entity.id).model
    if isinstance(entity, MediaInfo):
        return make_slot(f"== Summary of {entity.file} =="), make_slot(text, model=model, role="mediainfo")
    return (make_slot(text, model=model),)


def _with_owner(statement: Statement, owner: str) -> Statement:
    """The same statement, of another entity."""
    return replace(statement, guid=f"{owner}${statement.guid.partition('$')[2]}")
