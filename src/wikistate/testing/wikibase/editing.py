"""Random edits: what happens on a Wikibase in a while, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from wikistate.testing.wikibase.authors import PROPERTIES, Author
from wikistate.testing.wikibase.entities import Item, Kind, Lexeme, MediaInfo, Property, Redirect

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.testing.wikibase.changes import Change
    from wikistate.testing.wikibase.entities import AnyEntity, Sitelink
    from wikistate.testing.wikibase.repository import Repository

WEIGHTS = {"create": 14, "edit": 66, "delete": 5, "restore": 4, "suppress": 1, "redirect": 3, "merge": 4, "hide": 3}
"""How often each happens, of a hundred. Edits are rarer than in life, so that a short sample shows every kind."""


class Editors:
    """Everybody who edits.

    Args:
        repository: What they edit.
        seed: Decides what happens.
        kinds: What they create, besides one property of each datatype that is there from the start.
        triples: How large items are at first, about.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        seed: int = 1,
        kinds: tuple[Kind, ...] = (Kind.ITEM, Kind.ITEM, Kind.ITEM, Kind.LEXEME, Kind.MEDIA),
        triples: int = 100,
    ) -> None:
        self._repository = repository
        self._rng = Random(seed)
        self._author = Author(self._rng, items=200)
        self._kinds = kinds
        self._triples = triples
        self._links = 0
        self._doings: dict[str, Callable[[], list[Change]]] = {
            "create": self._create,
            "edit": self._edit,
            "delete": self._delete,
            "suppress": lambda: self._delete(suppress=True),
            "restore": self._restore,
            "redirect": self._redirect,
            "merge": self._merge,
            "hide": self._hide,
        }

    def found(self, entities: int = 10) -> list[Change]:
        """Create the properties and some entities, so that there is something to edit."""
        made = [
            self._repository.save(self._author.property(property_id, datatype))
            for property_id, datatype in PROPERTIES.items()
        ]
        for _ in range(entities):
            made += self._create()
        return made

    def happen(self) -> list[Change]:
        """One thing that somebody does: one change, or the three of a merge."""
        doing = self._rng.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]
        return self._doings[doing]() or self._create()

    def bustle(self, changes: int) -> list[Change]:
        """So many changes, or a few more."""
        made: list[Change] = []
        while len(made) < changes:
            made += self.happen()
        return made

    def _create(self) -> list[Change]:
        kind = self._rng.choice(self._kinds)
        return [self._repository.save(self._new(kind, self._repository.new_id(kind)))]

    def _new(self, kind: Kind, entity_id: str) -> AnyEntity:
        match kind:
            case Kind.ITEM:
                item = self._author.item(entity_id, triples=self._triples)
                return replace(item, sitelinks=(self._sitelink(), self._sitelink()))
            case Kind.LEXEME:
                return self._author.lexeme(entity_id)
            case Kind.MEDIA:
                return self._author.media(entity_id, f"Picture {entity_id}.jpg")
            case Kind.PROPERTY:
                return self._author.property(entity_id, self._rng.choice(tuple(PROPERTIES.values())))

    def _sitelink(self) -> Sitelink:
        self._links += 1
        return self._author.sitelink(self._links)

    def _edit(self) -> list[Change]:
        entity = self._pick(Item, Lexeme, MediaInfo, Property)
        return [self._repository.save(self._amended(entity))] if entity else []

    def _amended(self, entity: AnyEntity) -> AnyEntity:
        if isinstance(entity, Item) and self._rng.random() < 0.25:
            return self._relinked(entity)
        if isinstance(entity, Item | Property) and self._rng.random() < 0.4:
            code = self._rng.choice(("en", "de", "ar"))
            return replace(entity, labels={**entity.labels, code: self._author.name(code)})
        return self._restated(entity)

    def _relinked(self, item: Item) -> Item:
        """A link more, or one less."""
        if item.sitelinks and self._rng.random() < 0.5:
            return replace(item, sitelinks=item.sitelinks[1:])
        return replace(item, sitelinks=(*item.sitelinks, self._sitelink()))

    def _restated(self, entity: AnyEntity) -> AnyEntity:
        """A statement more, one less, or one with another rank."""
        statements = list(entity.statements)
        place = self._rng.randrange(len(statements)) if statements else 0
        match self._rng.randrange(4):
            case 0 if statements:
                del statements[place]
            case 1 if statements:
                statements[place] = replace(statements[place], rank=self._author.rank())
            case _:
                statements.append(self._author.statement(entity.id))
        return replace(entity, statements=tuple(statements))

    def _delete(self, *, suppress: bool = False) -> list[Change]:
        entity = self._pick(Item, Property, Lexeme, MediaInfo, Redirect)
        return [self._repository.delete(entity.id, suppress=suppress)] if entity else []

    def _restore(self) -> list[Change]:
        deleted = self._repository.deleted
        return [self._repository.restore(self._rng.choice(deleted))] if deleted else []

    def _redirect(self) -> list[Change]:
        source, target = self._pick(Item), self._pick(Item)
        if source is None or target is None or source.id == target.id:
            return []
        return [self._repository.redirect(source.id, target.id)]

    def _merge(self) -> list[Change]:
        source, target = self._pick(Item), self._pick(Item)
        if source is None or target is None or source.id == target.id:
            return []
        return self._repository.merge(source.id, target.id)

    def _hide(self) -> list[Change]:
        """Hide an old revision; the current one cannot be hidden."""
        entity = self._pick(Item)
        past = self._repository.revisions(entity.id)[:-1] if entity else []
        shown = [saved for saved in past if saved.visibility.content]
        if entity is None or not shown:
            return []
        return [self._repository.hide(entity.id, self._rng.choice(shown).rev_id)]

    def _pick(self, *kinds: type[AnyEntity]) -> AnyEntity | None:
        """An entity of these kinds that is there, the newer the likelier."""
        there = list(self._repository.current)
        for _ in range(20 if there else 0):
            entity = self._repository.entity(there[-1 - int(len(there) * self._rng.random() ** 2)])
            if isinstance(entity, kinds):
                return entity
        return None
