"""Simulation of random edits of a Wikibase; the same seed gives the same edits."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from wikistate.testing.wikibase.entities import EntityKind, Item, Lexeme, MediaInfo, Property, Redirect
from wikistate.testing.wikibase.entity_generator import PROPERTIES, EntityGenerator

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.testing.wikibase.changes import Change
    from wikistate.testing.wikibase.entities import AnyEntity, Sitelink
    from wikistate.testing.wikibase.repository import Repository

WEIGHTS = {"create": 14, "edit": 66, "delete": 5, "restore": 4, "suppress": 1, "redirect": 3, "merge": 4, "hide": 3}
"""Weights of the operations, in percent. Edits are rarer than in reality, so that a short sample has every kind."""

PROTECTION_WEIGHT = 8
"""Weight of protections, which most samples do not have."""


class EditSimulator:
    """Simulator of edits.

    Args:
        repository: Repository that is edited.
        seed: Seed of all random choices.
        kinds: Kinds of the created entities; `create_initial` also creates one property of each datatype.
        triples: Approximate initial number of triples of an item.
        protects: Whether entities are protected, too, which saves null revisions.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        seed: int = 1,
        kinds: tuple[EntityKind, ...] = (
            EntityKind.ITEM,
            EntityKind.ITEM,
            EntityKind.ITEM,
            EntityKind.LEXEME,
            EntityKind.MEDIA,
        ),
        triples: int = 100,
        protects: bool = False,
    ) -> None:
        self._repository = repository
        self._rng = Random(seed)
        self._generator = EntityGenerator(self._rng, items=200)
        self._kinds = kinds
        self._triples = triples
        self._links = 0
        self._weights = WEIGHTS | ({"protect": PROTECTION_WEIGHT} if protects else {})
        self._operations: dict[str, Callable[[], list[Change]]] = {
            "create": self._create,
            "edit": self._edit,
            "delete": self._delete,
            "suppress": lambda: self._delete(suppress=True),
            "restore": self._restore,
            "redirect": self._redirect,
            "merge": self._merge,
            "hide": self._hide,
            "protect": self._protect,
        }

    def create_initial(self, entities: int = 10) -> list[Change]:
        """Create the properties and the initial entities, which later operations edit."""
        made = [
            self._repository.save(self._generator.make_property(property_id, datatype))
            for property_id, datatype in PROPERTIES.items()
        ]
        for _ in range(entities):
            made += self._create()
        return made

    def apply(self) -> list[Change]:
        """Apply one random operation: one change, or the three changes of a merge."""
        operation = self._rng.choices(tuple(self._weights), tuple(self._weights.values()))[0]
        return self._operations[operation]() or self._create()

    def simulate(self, changes: int) -> list[Change]:
        """Apply random operations until there are at least so many changes."""
        made: list[Change] = []
        while len(made) < changes:
            made += self.apply()
        return made

    def _create(self) -> list[Change]:
        kind = self._rng.choice(self._kinds)
        return [self._repository.save(self._generate_entity(kind, self._repository.next_id(kind)))]

    def _generate_entity(self, kind: EntityKind, entity_id: str) -> AnyEntity:
        match kind:
            case EntityKind.ITEM:
                item = self._generator.make_item(entity_id, triples=self._triples)
                return replace(item, sitelinks=(self._generate_sitelink(), self._generate_sitelink()))
            case EntityKind.LEXEME:
                return self._generator.make_lexeme(entity_id)
            case EntityKind.MEDIA:
                return self._generator.make_media(entity_id, f"Picture {entity_id}.jpg")
            case EntityKind.PROPERTY:
                return self._generator.make_property(entity_id, self._rng.choice(tuple(PROPERTIES.values())))

    def _generate_sitelink(self) -> Sitelink:
        self._links += 1
        return self._generator.make_sitelink(self._links)

    def _edit(self) -> list[Change]:
        entity = self._choose_entity(Item, Lexeme, MediaInfo, Property)
        return [self._repository.save(self._edit_entity(entity))] if entity else []

    def _edit_entity(self, entity: AnyEntity) -> AnyEntity:
        if isinstance(entity, Item) and self._rng.random() < 0.25:
            return self._edit_sitelinks(entity)
        if isinstance(entity, Item | Property) and self._rng.random() < 0.4:
            code = self._rng.choice(("en", "de", "ar"))
            return replace(entity, labels={**entity.labels, code: self._generator.choose_name(code)})
        return self._edit_statements(entity)

    def _edit_sitelinks(self, item: Item) -> Item:
        """Add or remove a sitelink."""
        if item.sitelinks and self._rng.random() < 0.5:
            return replace(item, sitelinks=item.sitelinks[1:])
        return replace(item, sitelinks=(*item.sitelinks, self._generate_sitelink()))

    def _edit_statements(self, entity: AnyEntity) -> AnyEntity:
        """Add a statement, remove one, or change the rank of one."""
        statements = list(entity.statements)
        place = self._rng.randrange(len(statements)) if statements else 0
        match self._rng.randrange(4):
            case 0 if statements:
                del statements[place]
            case 1 if statements:
                statements[place] = replace(statements[place], rank=self._generator.choose_rank())
            case _:
                statements.append(self._generator.make_statement(entity.id))
        return replace(entity, statements=tuple(statements))

    def _delete(self, *, suppress: bool = False) -> list[Change]:
        entity = self._choose_entity(Item, Property, Lexeme, MediaInfo, Redirect)
        return [self._repository.delete(entity.id, suppress=suppress)] if entity else []

    def _restore(self) -> list[Change]:
        deleted = self._repository.restorable
        return [self._repository.restore(self._rng.choice(deleted))] if deleted else []

    def _redirect(self) -> list[Change]:
        source, target = self._choose_entity(Item), self._choose_entity(Item)
        if source is None or target is None or source.id == target.id:
            return []
        return [self._repository.redirect(source.id, target.id)]

    def _merge(self) -> list[Change]:
        source, target = self._choose_entity(Item), self._choose_entity(Item)
        if source is None or target is None or source.id == target.id:
            return []
        return self._repository.merge(source.id, target.id)

    def _hide(self) -> list[Change]:
        """Hide an old revision; the current revision cannot be hidden."""
        entity = self._choose_entity(Item)
        past = self._repository.revisions(entity.id)[:-1] if entity else []
        shown = [saved for saved in past if saved.visibility.content]
        if entity is None or not shown:
            return []
        return [self._repository.hide(entity.id, self._rng.choice(shown).rev_id)]

    def _protect(self) -> list[Change]:
        entity = self._choose_entity(Item, Lexeme, MediaInfo, Property, Redirect)
        return [self._repository.protect(entity.id)] if entity else []

    def _choose_entity(self, *kinds: type[AnyEntity]) -> AnyEntity | None:
        """Return an existing entity of these kinds; newer entities are more likely."""
        present = list(self._repository.current_revisions)
        for _ in range(20 if present else 0):
            entity = self._repository.entity(present[-1 - int(len(present) * self._rng.random() ** 2)])
            if isinstance(entity, kinds):
                return entity
        return None
