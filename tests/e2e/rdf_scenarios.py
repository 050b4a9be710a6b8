"""What editors do to a small Wikibase, scenario by scenario, and the order in which its changes are told."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from wikistate.core.events.timestamps import format_timestamp
from wikistate.testing.wikibase import Item, Kind, Lexeme, Property, Repository, page_change
from wikistate.testing.wikibase.authors import LANGUAGES, PROPERTIES, Author
from wikistate.testing.wikibase.entities import Sitelink, Statement
from wikistate.testing.wikibase.values import Snak, Special, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from wikistate.testing.wikibase import Change
    from wikistate.testing.wikibase.entities import AnyEntity

Event = dict[str, Any]
Scenario: TypeAlias = "Callable[[Site], list[Event]]"

SEED = 20_260_101
RECONCILE = "rdf-streaming-updater.reconcile"
_PAGE = "https://de.wikipedia.org"


class Site:
    """A wiki with some entities, and those who edit it.

    Attributes:
        repository: The wiki's memory.
        author: Makes up what is edited.
    """

    def __init__(self) -> None:
        self.repository = Repository()
        self.author = Author(Random(SEED), items=12)
        self._reconciliations = 0

    def told(self, changes: Iterable[Change]) -> list[Event]:
        """The events of changes, in their order."""
        return [page_change(change, self.repository.wiki) for change in changes]

    def item(self, entity: str) -> Item:
        """An item as it is now."""
        found = self.repository.entity(entity)
        assert isinstance(found, Item)
        return found

    def relabel(self, entity: str, text: str) -> Change:
        """Edit the label of an item."""
        item = self.item(entity)
        return self.repository.save(replace(item, labels={**item.labels, "en": text}))

    def restate(self, entity: str, statements: Iterable[Statement]) -> Change:
        """Edit all statements of an entity."""
        found: AnyEntity = self.repository.entity(entity)
        return self.repository.save(replace(found, statements=tuple(statements)))

    def reconcile(self, entity: str, revision: int, action: str) -> Event:
        """Ask for a reconciliation."""
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


def created(site: Site) -> list[Event]:
    """Properties of all datatypes; items with all of them, with none, with what is not known; a lexeme; media."""
    author, save = site.author, site.repository.save
    properties = [save(author.property(name, datatype)) for name, datatype in PROPERTIES.items()]
    items = [save(replace(author.item(f"Q{number}", triples=60), sitelinks=_links(number))) for number in range(1, 9)]
    full = save(Item(id="Q9", labels={"en": "everything"}, statements=_of_every_datatype(author, "Q9")))
    special = [
        Statement(
            f"Q10$0000000{number}-0000-4000-8000-00000000000{number}", "P13", value, qualifiers=(Snak("P12", value),)
        )
        for number, value in enumerate(Special)
    ]
    unknown = save(Item(id="Q10", labels={"en": "nothing"}, statements=tuple(special)))
    others = [save(author.lexeme(f"L{number}")) for number in range(1, 4)]
    pages = [save(author.media(site.repository.new_id(Kind.MEDIA), f"Picture {number}.jpg")) for number in range(2)]
    return site.told([*properties, *items, full, unknown, *others, *pages])


def edited(site: Site) -> list[Event]:
    """Labels, statements that come and go, values that lose a user, sitelinks, forms and senses, a property."""
    full = site.item("Q9")
    lexeme, word = site.repository.entity("L1"), site.repository.entity("P1")
    assert isinstance(lexeme, Lexeme)
    assert isinstance(word, Property)
    form = replace(lexeme.forms[0], statements=(site.author.statement(lexeme.forms[0].id),))
    changes = [
        site.relabel("Q1", "another name"),
        site.restate("Q9", full.statements[::2]),
        site.restate("Q2", [*site.item("Q2").statements, *_of_every_datatype(site.author, "Q2")]),
        site.repository.save(replace(site.item("Q3"), sitelinks=())),
        site.repository.save(replace(lexeme, forms=(form,), senses=lexeme.senses[1:])),
        site.repository.save(replace(word, labels={"en": "renamed"})),
        site.relabel("Q1", "a third name"),
    ]
    return site.told(changes)


def deleted(site: Site) -> list[Event]:
    """Items that share values with others, a lexeme with all its forms, media; one also for administrators."""
    media = next(entity for entity in site.repository.current if entity.startswith("M"))
    gone = [site.repository.delete(entity) for entity in ("Q2", "Q4", "L2", media)]
    return site.told([*gone, site.repository.delete("Q5", suppress=True)])


def undeleted(site: Site) -> list[Event]:
    """What was deleted and is no secret."""
    return site.told([site.repository.restore(entity) for entity in site.repository.deleted])


def redirected(site: Site) -> list[Event]:
    """An item becomes a redirect, and another one is one and is taken back."""
    back = site.item("Q4")
    changes = [site.repository.redirect("Q3", "Q1"), site.repository.redirect("Q4", "Q1")]
    return site.told([*changes, site.repository.save(back)])


def merged(site: Site) -> list[Event]:
    """All that an item has moves into another, sitelinks included; in the order in which it happened."""
    return site.told(site.repository.merge("Q6", "Q1"))


def merged_in_reverse(site: Site) -> list[Event]:
    """What the target gained is told before what the source lost: they are different entities."""
    emptied, filled, left = site.told(site.repository.merge("Q7", "Q1"))
    return [filled, emptied, left]


def moved_sitelink(site: Site) -> list[Event]:
    """A page of a client moves from one item to another and back, and then to a third one whose former owner goes."""
    save, page = site.repository.save, Sitelink(_PAGE, "Wanderer", "de", badges=("Q11",))
    changes = [
        save(replace(site.item("Q8"), sitelinks=(page,))),
        save(replace(site.item("Q8"), sitelinks=())),
        save(replace(site.item("Q9"), sitelinks=(page,))),
        save(replace(site.item("Q9"), sitelinks=())),
        save(replace(site.item("Q8"), sitelinks=(page,))),
        site.repository.delete("Q8"),
        save(replace(site.item("Q10"), sitelinks=(page,))),
    ]
    return site.told(changes)


def hidden(site: Site) -> list[Event]:
    """The revision that was published is hidden, so that no difference from it can be had."""
    published = site.repository.current_of("Q9")
    later = site.relabel("Q9", "nothing to hide")
    return site.told([site.repository.hide("Q9", published), later])


def out_of_order(site: Site) -> list[Event]:
    """Edits from the last to the first; a deletion and an undeletion before the edits that they follow."""
    edits = [site.relabel("Q1", f"name {number}") for number in range(5)]
    around = [site.relabel("Q4", "for a short while"), site.repository.delete("Q4"), site.repository.restore("Q4")]
    told = site.told([*around[1:], around[0]])
    return [*reversed(site.told(edits)), *told]


def new_out_of_order(site: Site) -> list[Event]:
    """An entity that nobody has seen yet is told of from its last revision to its first."""
    first = site.repository.save(site.author.item("Q11", triples=40))
    return list(reversed(site.told([first, site.relabel("Q11", "second"), site.relabel("Q11", "third")])))


def duplicated(site: Site) -> list[Event]:
    """Everything that ever happened, again, and one more edit, three times."""
    again = site.told(site.repository.journal)
    return [*again, *again[-40:], *3 * site.told([site.relabel("Q1", "told three times")])]


def missed(site: Site) -> list[Event]:
    """An edit that is never told: the next one brings both."""
    site.restate("Q1", site.item("Q1").statements[1:])
    return site.told([site.relabel("Q1", "after what was missed")])


def reconciled(site: Site) -> list[Event]:
    """A creation, an edit and two deletions that were never told, one of them of what nobody knows the revision of."""
    site.repository.save(site.author.item("Q12", triples=40))
    site.restate("Q4", ())
    revision = site.repository.current_of("L3")
    site.repository.delete("L3")
    site.repository.delete("Q11")
    return [
        site.reconcile("Q12", site.repository.current_of("Q12"), "CREATION"),
        site.reconcile("Q4", site.repository.current_of("Q4"), "CREATION"),
        site.reconcile("L3", revision, "DELETION"),
        site.reconcile("Q11", 0, "DELETION"),
    ]


def crafted(site: Site) -> list[Event]:
    """Texts that would end a literal, an update or a message, if anything were ever pasted."""
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
    return site.told([site.repository.save(Item(id="Q13", labels=labels, statements=tuple(statements)))])


def _links(number: int) -> tuple[Sitelink, ...]:
    badges = ("Q11",) if number % 2 else ()
    return tuple(
        Sitelink(f"https://{code}.wikipedia.org", f"Page {number}", code, badges=badges) for code in ("en", "fr")
    )


def _of_every_datatype(author: Author, entity: str) -> tuple[Statement, ...]:
    """A statement of each datatype, each with a qualifier and a reference of each, shared with other entities."""
    return tuple(
        Statement(
            guid=f"{entity}$00000000-0000-4000-8000-{number:012}",
            property=name,
            value=author.value(datatype),
            rank=author.rank(),
            qualifiers=(Snak(name, author.value(datatype)),),
            references=((Snak(name, author.value(datatype)), Snak("P1", author.value(PROPERTIES["P1"]))),),
        )
        for number, (name, datatype) in enumerate(PROPERTIES.items())
    )
