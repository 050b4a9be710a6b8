"""A Wikibase's memory: all entities in all their revisions, and what happened to them in order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import time
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.events.timestamps import format_timestamp
from wikistate.testing.pages import Page, RedirectLink, Revision, User, Visibility, Wiki, hex_sha1, slot
from wikistate.testing.wiki.worlds import SmallWorld
from wikistate.testing.wikibase.changes import Change, ListedPage
from wikistate.testing.wikibase.documents import Stamp, describe
from wikistate.testing.wikibase.entities import Item, Kind, MediaInfo, Redirect, kind_of
from wikistate.testing.wikibase.layout import SUITE, wikibase_wiki
from wikistate.testing.wikibase.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyoxigraph import Triple

    from wikistate.testing.events import Kind as ChangeKind
    from wikistate.testing.pages import Slot
    from wikistate.testing.wikibase.entities import AnyEntity, Statement

_SOMEBODY = User("Editor", 7, 7_000_007, ("*", "user", "autoconfirmed"), 42, "2020-01-01T00:00:00Z")
_HIDDEN = Visibility(content=False)


@dataclass(slots=True)
class _Past:
    """A page with all that was saved of it. `entities` has a member for each of `read_revisions`."""

    page: Page
    revisions: list[Revision] = field(default_factory=list)
    entities: list[AnyEntity] = field(default_factory=list)
    deleted: bool = False
    suppressed: bool = False


class _Place(NamedTuple):
    """Where a revision is: in which past, at which place, and since when, milliseconds since the epoch."""

    past: _Past
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
        world: Its pages and revisions, as the Action API shows them.
        remembers_since: Recent changes from before this time are forgotten, milliseconds since the epoch.
    """

    def __init__(
        self, wiki: Wiki | None = None, *, vocabulary: Vocabulary | None = None, clock: Callable[[], float] = time
    ) -> None:
        self.wiki = wiki or wikibase_wiki()
        self.vocabulary = vocabulary or Vocabulary(self.wiki.concept_base)
        self.world = SmallWorld(self.wiki)
        self.journal: list[Change] = []
        self.remembers_since = 0
        self._clock = clock
        self._pasts: dict[str, _Past] = {}
        self._places: dict[int, _Place] = {}
        self._last_revision = 0
        self._last_log = 0
        self._last_change = 0
        self._last_page = 0
        self._last_ids: dict[Kind, int] = {}
        self._namespaces = {model: number for number, model in self.wiki.content_models.items()}

    def new_id(self, kind: Kind) -> str:
        """An id that no entity had. That of media info is the number of the next page."""
        number = self._last_page + 1 if kind is Kind.MEDIA else self._last_ids.get(kind, 0) + 1
        return f"{kind}{number}"

    @property
    def current(self) -> dict[str, int]:
        """The revision of each entity that is there, redirects included."""
        return {entity: past.revisions[-1].rev_id for entity, past in self._pasts.items() if not past.deleted}

    def current_of(self, entity_id: str) -> int:
        """The revision of an entity, 0 where it is not there."""
        past = self._pasts.get(entity_id)
        return 0 if past is None or past.deleted else past.revisions[-1].rev_id

    @property
    def deleted(self) -> list[str]:
        """The entities that were deleted and can be restored."""
        return [entity for entity, past in self._pasts.items() if past.deleted and not past.suppressed]

    def now(self) -> int:
        """The wiki's clock, milliseconds since the epoch."""
        return int(self._clock() * 1000)

    @property
    def present(self) -> set[int]:
        """The numbers of the pages of all entities that are there."""
        return {past.page.page_id for past in self._pasts.values() if not past.deleted}

    def pages(self) -> Iterator[ListedPage]:
        """The pages of all entities that are there."""
        for past in self._pasts.values():
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
        return self._pasts[entity_id].entities[-1]

    def revisions(self, entity_id: str) -> list[Revision]:
        """All revisions of an entity, oldest first."""
        return list(self._pasts[entity_id].revisions)

    def save(self, entity: AnyEntity, *, comment: str = "/* saved */", told: bool = True) -> Change:
        """Create an entity, or edit it.

        Args:
            entity: As it is to be.
            comment: Of the edit.
            told: Whether anybody hears of it; bulk imports bypass recent changes.
        """
        past = self._pasts.get(entity.id)
        kind: ChangeKind = "create" if past is None else "edit"
        if past is None:
            past = self._pasts[entity.id] = _Past(self._new_page(entity))
        prior = past.revisions[-1] if past.revisions else None
        self._last_revision += 1
        saved = Revision(
            rev_id=self._last_revision,
            slots=_slots(entity),
            parent_id=prior.rev_id if prior else 0,
            dt=self._now(),
            editor=_SOMEBODY,
            comment=comment,
        )
        self._places[saved.rev_id] = _Place(past, len(past.revisions), self.now())
        past.revisions.append(saved)
        past.entities.append(entity)
        past.page = replace(past.page, redirect=self._link(entity), revision_count=len(past.revisions))
        self.world.put(self.wiki, past.page, saved)
        return self._note(kind, entity.id, saved, prior=prior, told=told)

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
            statements=new.statements + tuple(_moved(statement, target) for statement in old.statements),
            sitelinks=new.sitelinks + old.sitelinks,
        )
        emptied = self.save(Item(id=source), comment=f"/* wbmergeitems-to:0||{target} */")
        filled = self.save(merged, comment=f"/* wbmergeitems-from:0||{source} */")
        return [emptied, filled, self.redirect(source, target)]

    def delete(self, entity_id: str, *, suppress: bool = False, comment: str = "not notable") -> Change:
        """Delete an entity, for administrators too if it is suppressed."""
        past = self._pasts[entity_id]
        past.deleted, past.suppressed = True, suppress
        self.world.remove_page(self.wiki, past.page, [saved.rev_id for saved in past.revisions])
        before = past.revisions[-1].visibility if suppress else None
        return self._note("delete", entity_id, past.revisions[-1], comment=comment, before=before, logged=True)

    def restore(self, entity_id: str, *, comment: str = "notable after all") -> Change:
        """Undelete an entity, with all its revisions."""
        past = self._pasts[entity_id]
        past.deleted = False
        self.world.put(self.wiki, past.page, *past.revisions)
        return self._note("undelete", entity_id, past.revisions[-1], comment=comment, logged=True)

    def hide(self, entity_id: str, revision: int, *, visibility: Visibility = _HIDDEN) -> Change:
        """Change what may be seen of a revision."""
        past, number, _ = self._places[revision]
        before = past.revisions[number].visibility
        past.revisions[number] = hidden = replace(past.revisions[number], visibility=visibility)
        self.world.put(self.wiki, past.page, *past.revisions)
        return self._note("visibility_change", entity_id, hidden, before=before, logged=True)

    def shows(self, entity_id: str, revision: int, *, replicated: float = 0.0) -> bool:
        """Whether a reader may see a revision.

        Args:
            entity_id: Whose it is.
            revision: Its number.
            replicated: Seconds that a replica takes to have it.
        """
        place = self._places.get(revision)
        if place is None or place.past is not self._pasts.get(entity_id) or place.past.deleted:
            return False
        is_there = self.now() - place.time >= replicated * 1000
        return is_there and place.past.revisions[place.number].visibility.content

    def document(self, entity_id: str, revision: int = 0) -> list[Triple] | None:
        """The triples of a revision, 0 for the current one; None where a reader may not see it or there is none."""
        revision = revision or self.current_of(entity_id)
        if not self.shows(entity_id, revision):
            return None
        past, number, _ = self._places[revision]
        saved = past.revisions[number]
        return describe(past.entities[number], Stamp(saved.rev_id, saved.dt), self.vocabulary)

    def dump(self) -> Iterator[Triple]:
        """The documents of all entities that are there. Triples of shared nodes come once for each that uses them."""
        for entity_id in self.current:
            yield from self.document(entity_id) or ()

    def _new_page(self, entity: AnyEntity) -> Page:
        kind = kind_of(entity.id)
        self._last_ids[kind] = max(self._last_ids.get(kind, 0), int(entity.id[1:]))
        self._last_page += 1
        number = self._namespaces.get(kind.model, SUITE[kind])
        prefix = f"{self.wiki.namespaces[number]}:" if number else ""
        name = entity.file if isinstance(entity, MediaInfo) else entity.id
        return Page(self._last_page, f"{prefix}{name}", number)

    def _link(self, entity: AnyEntity) -> RedirectLink | None:
        if not isinstance(entity, Redirect):
            return None
        target = self._pasts[entity.target].page
        return RedirectLink(target.title, target.namespace, target.page_id)

    def _note(
        self,
        kind: ChangeKind,
        entity_id: str,
        revision: Revision,
        *,
        prior: Revision | None = None,
        comment: str = "",
        before: Visibility | None = None,
        logged: bool = False,
        told: bool = True,
    ) -> Change:
        self._last_log += logged
        self._last_change += 1
        change = Change(
            number=self._last_change,
            kind=kind,
            entity=entity_id,
            page=self._pasts[entity_id].page,
            revision=revision,
            time=self.now(),
            prior=prior,
            comment=comment,
            log_id=self._last_log if logged else 0,
            before=before,
        )
        if told:
            self.journal.append(change)
        return change

    def _now(self) -> str:
        return format_timestamp(int(self._clock()) * 1000).replace(".000", "")


def _slots(entity: AnyEntity) -> tuple[Slot, ...]:
    """Nobody reads an entity's JSON here; it has to be there, and to differ where the entity does."""
    if isinstance(entity, Redirect):
        text = f'{{"entity":"{entity.id}","redirect":"{entity.target}"}}'
    else:
        text = f'{{"id":"{entity.id}","hash":"{hex_sha1(repr(entity))}"}}'
    model = kind_of(entity.id).model
    if isinstance(entity, MediaInfo):
        return slot(f"== Summary of {entity.file} =="), slot(text, model=model, role="mediainfo")
    return (slot(text, model=model),)


def _moved(statement: Statement, owner: str) -> Statement:
    """The same statement, of another entity."""
    return replace(statement, guid=f"{owner}${statement.guid.partition('$')[2]}")
