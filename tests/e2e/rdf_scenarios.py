"""Edits of a small Wikibase, scenario by scenario, and the order in which the events of its changes arrive."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from wikistate.core.events.timestamps import format_timestamp
from wikistate.testing.wikibase import EntityKind, Item, Lexeme, Property, Repository, build_page_change
from wikistate.testing.wikibase.entities import Sitelink, Statement
from wikistate.testing.wikibase.entity_generator import LANGUAGES, PROPERTIES, EntityGenerator
from wikistate.testing.wikibase.values import Snak, Special, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from wikistate.testing.wikibase import Change
    from wikistate.testing.wikibase.entities import AnyEntity

Event = dict[str, Any]
Scenario: TypeAlias = "Callable[[WikiSite], list[Event]]"

SEED = 20_260_101
RECONCILE = "rdf-streaming-updater.reconcile"
_PAGE = "https://de.wikipedia.org"


class WikiSite:
    """A wiki with some entities, and its editors.

    Attributes:
        repository: Content of the wiki.
        author: Generator of the edited content.
    """

    def __init__(self) -> None:
        self.repository = Repository()
        self.author = EntityGenerator(Random(SEED), items=12)
        self._reconciliations = 0

    def encode_changes(self, changes: Iterable[Change]) -> list[Event]:
        """Return the events of changes, in their order."""
        return [build_page_change(change, self.repository.wiki) for change in changes]

    def get_item(self, entity: str) -> Item:
        """Return the current version of an item."""
        found = self.repository.entity(entity)
        assert isinstance(found, Item)
        return found

    def relabel(self, entity: str, text: str) -> Change:
        """Edit the label of an item."""
        item = self.get_item(entity)
        return self.repository.save(replace(item, labels={**item.labels, "en": text}))

    def restate(self, entity: str, statements: Iterable[Statement]) -> Change:
        """Edit all statements of an entity."""
        found: AnyEntity = self.repository.entity(entity)
        return self.repository.save(replace(found, statements=tuple(statements)))

    def reconcile(self, entity: str, revision: int, action: str) -> Event:
        """Return an event that requests a reconciliation."""
        self._reconciliations += 1
        now = format_timestamp(self.repository.now())
        origin = {"dt": now, "id": f"check-{self._reconciliations}", "domain": self.repository.wiki.domain}
        meta = {**origin, "stream": RECONCILE, "request_id": f"check-{self._reconciliations}"}
        return {
            "$schema": "/rdf_streaming_updater/reconcile/1.0.0",
            "meta": meta,
            "item": entity,
            "revision_id": revision,
            "reconciliation_source": "nightly-check",
            "reconciliation_action": action,
            "original_event_info": {"meta": meta, "$schema": "/mediawiki/page/change/1.7.0"},
        }


def create_entities(site: WikiSite) -> list[Event]:
    """Create properties of all datatypes; items with all of them, without any, with unknown values; lexemes; media."""
    author, save = site.author, site.repository.save
    properties = [save(author.make_property(name, datatype)) for name, datatype in PROPERTIES.items()]
    items = [
        save(replace(author.make_item(f"Q{number}", triples=60), sitelinks=_make_sitelinks(number)))
        for number in range(1, 9)
    ]
    full = save(Item(id="Q9", labels={"en": "everything"}, statements=_make_every_datatype(author, "Q9")))
    special = [
        Statement(
            f"Q10$0000000{number}-0000-4000-8000-00000000000{number}", "P13", value, qualifiers=(Snak("P12", value),)
        )
        for number, value in enumerate(Special)
    ]
    unknown = save(Item(id="Q10", labels={"en": "nothing"}, statements=tuple(special)))
    others = [save(author.make_lexeme(f"L{number}")) for number in range(1, 4)]
    pages = [
        save(author.make_media(site.repository.next_id(EntityKind.MEDIA), f"Picture {number}.jpg"))
        for number in range(2)
    ]
    return site.encode_changes([*properties, *items, full, unknown, *others, *pages])


def edit_entities(site: WikiSite) -> list[Event]:
    """Edit labels, statements, values of which one user is left, sitelinks, forms and senses, and a property."""
    full = site.get_item("Q9")
    lexeme, word = site.repository.entity("L1"), site.repository.entity("P1")
    assert isinstance(lexeme, Lexeme)
    assert isinstance(word, Property)
    form = replace(lexeme.forms[0], statements=(site.author.make_statement(lexeme.forms[0].id),))
    changes = [
        site.relabel("Q1", "another name"),
        site.restate("Q9", full.statements[::2]),
        site.restate("Q2", [*site.get_item("Q2").statements, *_make_every_datatype(site.author, "Q2")]),
        site.repository.save(replace(site.get_item("Q3"), sitelinks=())),
        site.repository.save(replace(lexeme, forms=(form,), senses=lexeme.senses[1:])),
        site.repository.save(replace(word, labels={"en": "renamed"})),
        site.relabel("Q1", "a third name"),
    ]
    return site.encode_changes(changes)


def delete_entities(site: WikiSite) -> list[Event]:
    """Delete items that share values with others, a lexeme with its forms, media; suppress one item."""
    media = next(entity for entity in site.repository.current_revisions if entity.startswith("M"))
    deleted = [site.repository.delete(entity) for entity in ("Q2", "Q4", "L2", media)]
    return site.encode_changes([*deleted, site.repository.delete("Q5", suppress=True)])


def undelete_entities(site: WikiSite) -> list[Event]:
    """Undelete the deleted entities that are not suppressed."""
    return site.encode_changes([site.repository.restore(entity) for entity in site.repository.restorable])


def redirect_items(site: WikiSite) -> list[Event]:
    """Turn an item into a redirect; turn another one into a redirect and back."""
    back = site.get_item("Q4")
    changes = [site.repository.redirect("Q3", "Q1"), site.repository.redirect("Q4", "Q1")]
    return site.encode_changes([*changes, site.repository.save(back)])


def merge_items(site: WikiSite) -> list[Event]:
    """Move the content of an item into another one, with its sitelinks; the events are in the order of the edits."""
    return site.encode_changes(site.repository.merge("Q6", "Q1"))


def merge_in_reverse_order(site: WikiSite) -> list[Event]:
    """Send the event of the merge target before that of the merged item: they are different entities."""
    emptied, filled, left = site.encode_changes(site.repository.merge("Q7", "Q1"))
    return [filled, emptied, left]


def move_sitelink(site: WikiSite) -> list[Event]:
    """Move a page of a client from one item to another and back, and then to a third one after its owner is deleted."""
    save, page = site.repository.save, Sitelink(_PAGE, "Wanderer", "de", badges=("Q11",))
    changes = [
        save(replace(site.get_item("Q8"), sitelinks=(page,))),
        save(replace(site.get_item("Q8"), sitelinks=())),
        save(replace(site.get_item("Q9"), sitelinks=(page,))),
        save(replace(site.get_item("Q9"), sitelinks=())),
        save(replace(site.get_item("Q8"), sitelinks=(page,))),
        site.repository.delete("Q8"),
        save(replace(site.get_item("Q10"), sitelinks=(page,))),
    ]
    return site.encode_changes(changes)


def hide_published_revision(site: WikiSite) -> list[Event]:
    """Hide the published revision, so that no diff from it can be computed."""
    published = site.repository.current_revision("Q9")
    later = site.relabel("Q9", "nothing to hide")
    return site.encode_changes([site.repository.hide("Q9", published), later])


def deliver_out_of_order(site: WikiSite) -> list[Event]:
    """Send edits from the last to the first; a deletion and an undeletion before the edits that they follow."""
    edits = [site.relabel("Q1", f"name {number}") for number in range(5)]
    around = [site.relabel("Q4", "for a short while"), site.repository.delete("Q4"), site.repository.restore("Q4")]
    events = site.encode_changes([*around[1:], around[0]])
    return [*reversed(site.encode_changes(edits)), *events]


def deliver_new_entity_out_of_order(site: WikiSite) -> list[Event]:
    """Send the events of a new entity from its last revision to its first."""
    first = site.repository.save(site.author.make_item("Q11", triples=40))
    return list(reversed(site.encode_changes([first, site.relabel("Q11", "second"), site.relabel("Q11", "third")])))


def duplicate_events(site: WikiSite) -> list[Event]:
    """Repeat all events, and send one more edit three times."""
    again = site.encode_changes(site.repository.journal)
    return [*again, *again[-40:], *3 * site.encode_changes([site.relabel("Q1", "sent three times")])]


def skip_event(site: WikiSite) -> list[Event]:
    """Leave out the event of an edit: the next one brings both edits."""
    site.restate("Q1", site.get_item("Q1").statements[1:])
    return site.encode_changes([site.relabel("Q1", "after the missed edit")])


def reconcile_missed_changes(site: WikiSite) -> list[Event]:
    """Reconcile a creation, an edit and two deletions without events; one deletion is of an unknown revision."""
    site.repository.save(site.author.make_item("Q12", triples=40))
    site.restate("Q4", ())
    revision = site.repository.current_revision("L3")
    site.repository.delete("L3")
    site.repository.delete("Q11")
    return [
        site.reconcile("Q12", site.repository.current_revision("Q12"), "CREATION"),
        site.reconcile("Q4", site.repository.current_revision("Q4"), "CREATION"),
        site.reconcile("L3", revision, "DELETION"),
        site.reconcile("Q11", 0, "DELETION"),
    ]


def write_injection_texts(site: WikiSite) -> list[Event]:
    """Write texts that would end a literal, an update or a message if code ever pasted them."""
    texts = (
        '" } ; DROP ALL ; INSERT DATA { <urn:a> <urn:b> "',
        '\\" . } ; CLEAR ALL #',
        "\\u0022 \\\\u0022 \\U00000022 \\",
        "\"\"\"\n'''\r\n\t\b\f",
        "".join(map(chr, range(1, 0x250))),
        "\u2028\u2029\ufeff\ufdd0\uffff\U0001f30a\U0010ffff",
        "<http://example.org/> ?s ?p ?o . @prefix : <> . # {{}}",
        "%s {0} $1 \\1",
    )
    statements = [
        Statement(f"Q13$00000000-0000-4000-8000-{number:012}", "P7", Text(text)) for number, text in enumerate(texts)
    ]
    labels = dict(zip(LANGUAGES, texts, strict=True))
    return site.encode_changes([site.repository.save(Item(id="Q13", labels=labels, statements=tuple(statements)))])


def _make_sitelinks(number: int) -> tuple[Sitelink, ...]:
    badges = ("Q11",) if number % 2 else ()
    return tuple(
        Sitelink(f"https://{code}.wikipedia.org", f"Page {number}", code, badges=badges) for code in ("en", "fr")
    )


def _make_every_datatype(author: EntityGenerator, entity: str) -> tuple[Statement, ...]:
    """Make a statement of each datatype, each with a qualifier and a reference of it, shared with other entities."""
    return tuple(
        Statement(
            guid=f"{entity}$00000000-0000-4000-8000-{number:012}",
            property=name,
            value=author.make_value(datatype),
            rank=author.choose_rank(),
            qualifiers=(Snak(name, author.make_value(datatype)),),
            references=((Snak(name, author.make_value(datatype)), Snak("P1", author.make_value(PROPERTIES["P1"]))),),
        )
        for number, (name, datatype) in enumerate(PROPERTIES.items())
    )
