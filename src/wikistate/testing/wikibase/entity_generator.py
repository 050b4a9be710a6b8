"""Generator of plausible entities of any size; the same random generator gives the same entities."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from wikistate.demo import wikitext
from wikistate.testing.wikibase.entities import (
    Form,
    Item,
    Lexeme,
    MediaInfo,
    Property,
    Rank,
    Sense,
    Sitelink,
    Statement,
)
from wikistate.testing.wikibase.values import (
    Coordinate,
    Datatype,
    EntityLink,
    Formula,
    Identifier,
    Link,
    Moment,
    Monolingual,
    Quantity,
    Snak,
    Special,
    Text,
)

if TYPE_CHECKING:
    from random import Random

    from wikistate.testing.wikibase.values import Value

LANGUAGES = {"en": "en", "de": "de", "fr": "fr", "ru": "ru", "ar": "ar", "ja": "ja", "zh-hans": "zh", "el": "el"}
"""Language codes of labels, each with the language of its sample phrases."""

SITES = {"en": "wikipedia", "de": "wikipedia", "fr": "wikisource", "ru": "wikipedia", "ja": "wikivoyage"}
PROPERTIES = {f"P{number}": datatype for number, datatype in enumerate(Datatype, start=1)}
"""Properties that statements use, one of each datatype."""

TRIPLES_PER_STATEMENT = 9
"""Triples of a statement with its shared nodes, slightly below the average, so that entities become rather too large."""


class EntityGenerator:
    """Generator of entities.

    Args:
        rng: Random generator of all choices.
        items: Number of items that links point to, from Q1 on.
    """

    def __init__(self, rng: Random, *, items: int = 1000) -> None:
        self._rng = rng
        self._items = items

    def make_item(self, entity_id: str, *, triples: int = 100) -> Item:
        """Make an item with about so many triples, without sitelinks, as these are unique in a wiki."""
        codes = self._rng.sample(list(LANGUAGES), k=min(len(LANGUAGES), 1 + triples // 20))
        statements = max(1, (triples - 20 - 5 * len(codes)) // TRIPLES_PER_STATEMENT)
        return Item(
            id=entity_id,
            labels={code: self.choose_name(code) for code in codes},
            descriptions={code: self.make_sentence(code) for code in codes},
            aliases={
                code: (self.choose_name(code), f"{self.choose_name(code)} {self._rng.randrange(100)}")
                for code in codes[:2]
            },
            statements=tuple(self.make_statement(entity_id) for _ in range(statements)),
        )

    def make_property(self, entity_id: str, datatype: Datatype) -> Property:
        """Make a property."""
        return Property(
            id=entity_id, datatype=datatype, labels={"en": f"property {datatype}"}, descriptions={"en": "made up"}
        )

    def make_lexeme(self, entity_id: str) -> Lexeme:
        """Make a lexeme with forms and senses that have statements."""
        forms = tuple(self._make_form(f"{entity_id}-F{number}") for number in range(1, self._rng.randint(2, 5)))
        senses = tuple(self._make_sense(f"{entity_id}-S{number}") for number in range(1, self._rng.randint(2, 4)))
        return Lexeme(
            id=entity_id,
            lemmas={"en": self.choose_name("en")},
            language=self._choose_item_id(),
            category=self._choose_item_id(),
            forms=forms,
            senses=senses,
            statements=(self.make_statement(entity_id),),
        )

    def make_media(self, entity_id: str, file: str) -> MediaInfo:
        """Make the structured data of a file."""
        statements = tuple(self.make_statement(entity_id) for _ in range(self._rng.randint(1, 5)))
        return MediaInfo(id=entity_id, file=file, captions={"en": self.choose_name("en")}, statements=statements)

    def make_statement(self, entity_id: str) -> Statement:
        """Make a statement; one in ten has an id in the old form, in lower case."""
        property_id = self._rng.choice(list(PROPERTIES))
        owner = entity_id.lower() if self._rng.random() < 0.1 else entity_id
        return Statement(
            guid=f"{owner}${str(UUID(int=self._rng.getrandbits(128), version=4)).upper()}",
            property=property_id,
            value=self.make_value(PROPERTIES[property_id]),
            rank=self.choose_rank(),
            qualifiers=tuple(self._make_snak() for _ in range(self._rng.choice((0, 0, 1, 2)))),
            references=tuple(self._make_reference() for _ in range(self._rng.choice((0, 1, 1, 2)))),
        )

    def make_sitelink(self, number: int) -> Sitelink:
        """Make a sitelink to a page that is unique for the number."""
        code = self._rng.choice(list(SITES))
        badges = (self._choose_item_id(),) if self._rng.random() < 0.2 else ()
        return Sitelink(
            f"https://{code}.{SITES[code]}.org", f"{self.choose_name(code)} {number}", code, SITES[code], badges
        )

    def choose_rank(self) -> Rank:
        """Choose a rank, mostly the normal one."""
        return self._rng.choices(tuple(Rank), (2, 10, 1))[0]

    def choose_name(self, code: str) -> str:
        """Choose a name in a language."""
        return self._rng.choice(wikitext.load_phrases(LANGUAGES[code]).names)

    def make_sentence(self, code: str) -> str:
        """Make a sentence in a language, sometimes with rare characters."""
        rare = f" {self._rng.choice(wikitext.load_rare_texts())}" if self._rng.random() < 0.2 else ""
        return f"{wikitext.make_sentence(wikitext.load_phrases(LANGUAGES[code]), self._rng)[:200]}{rare}"

    def make_value(self, datatype: Datatype) -> Value:
        """Make a value; one in twenty is absent or unknown.

        Structured values are chosen from a few, so that many statements share them.
        """
        if self._rng.random() < 0.05:
            return self._rng.choice((Special.SOME, Special.NONE))
        return self._make_entity_link(datatype) or self._make_literal(datatype) or self._make_structured(datatype)

    def _make_entity_link(self, datatype: Datatype) -> Value | None:
        number = self._rng.randint(1, 20)
        ids = {
            Datatype.ITEM: self._choose_item_id(),
            Datatype.PROPERTY: self._rng.choice(list(PROPERTIES)),
            Datatype.LEXEME: f"L{number}",
            Datatype.FORM: f"L{number}-F1",
            Datatype.SENSE: f"L{number}-S1",
            Datatype.ENTITY_SCHEMA: f"E{number}",
        }
        return EntityLink(ids[datatype]) if datatype in ids else None

    def _make_literal(self, datatype: Datatype) -> Value | None:
        match datatype:
            case Datatype.STRING:
                return Text(self.make_sentence("en"))
            case Datatype.SCORE:
                return Text(r"\relative c' { c d e f | g2 g \"la\" }")
            case Datatype.MONOLINGUAL:
                code = self._rng.choice(list(LANGUAGES))
                return Monolingual(self.make_sentence(code), code)
            case Datatype.EXTERNAL_ID:
                text = str(self._rng.randrange(10**9))
                return Identifier(text, f"http://ids.example/{text}" if self._rng.random() < 0.7 else "")
            case Datatype.MATH:
                return Formula(
                    f'<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>x</mi><mn>{self._choose_shared_number()}</mn></math>'
                )
            case _:
                return self._make_link(datatype)

    def _make_link(self, datatype: Datatype) -> Value | None:
        number = self._rng.randrange(1000)
        match datatype:
            case Datatype.URL:
                return Link(f"https://www.example.org/a?b={number}&c=%C3%A4#d")
            case Datatype.FILE:
                return Link(f"http://commons.wikimedia.org/wiki/Special:FilePath/Some%20file%20{number}.jpg")
            case Datatype.GEO_SHAPE:
                return Link(f"http://commons.wikimedia.org/data/main/Data:Shape+{number}.map")
            case Datatype.TABLE:
                return Link(f"http://commons.wikimedia.org/data/main/Data:Table+{number}.tab")
            case _:
                return None

    def _make_structured(self, datatype: Datatype) -> Value:
        match datatype:
            case Datatype.QUANTITY:
                return self._make_quantity()
            case Datatype.COORDINATE:
                globe = "Q2" if self._rng.random() < 0.9 else "Q405"
                return Coordinate(
                    self._choose_shared_number() / 2 - 10,
                    self._choose_shared_number() * 3.5 - 70,
                    self._rng.choice((0.01, 1e-5)),
                    globe,
                )
            case _:
                return self._make_moment()

    def _make_quantity(self) -> Quantity:
        number = self._choose_shared_number()
        match self._rng.randrange(3):
            case 0:
                return Quantity(f"+{number}")
            case 1:
                return Quantity(f"-{number}.50", "Q11573", f"-{number + 1}", f"-{number}", (f"-{number}.50", "Q11573"))
            case _:
                return Quantity(f"+{number}", "Q828224", normalized=(f"+{number * 1000}", "Q11573"))

    def _make_moment(self) -> Moment:
        year = 1900 + 5 * self._choose_shared_number()
        return self._rng.choice(
            (
                Moment(f"{year}-03-09T00:00:00Z"),
                Moment(f"{year}-01-01T00:00:00Z", 9),
                Moment("-0043-03-15T00:00:00Z", 11, "Q1985786"),
                Moment("-13798000000-01-01T00:00:00Z", 3),
            )
        )

    def _make_snak(self) -> Snak:
        property_id = self._rng.choice(list(PROPERTIES))
        return Snak(property_id, self.make_value(PROPERTIES[property_id]))

    def _make_reference(self) -> tuple[Snak, ...]:
        """Make a reference, shared by several statements or unique."""
        source = Snak("P1", EntityLink(f"Q{self._choose_shared_number()}"))
        return (source,) if self._rng.random() < 0.6 else (source, self._make_snak())

    def _make_form(self, entity_id: str) -> Form:
        features = tuple(sorted({self._choose_item_id() for _ in range(2)}))
        statements = (self.make_statement(entity_id),) if self._rng.random() < 0.5 else ()
        return Form(
            id=entity_id, representations={"en": self.choose_name("en")}, features=features, statements=statements
        )

    def _make_sense(self, entity_id: str) -> Sense:
        return Sense(
            id=entity_id, glosses={"en": self.make_sentence("en")}, statements=(self.make_statement(entity_id),)
        )

    def _choose_item_id(self) -> str:
        return f"Q{self._rng.randint(1, self._items)}"

    def _choose_shared_number(self) -> int:
        return self._rng.randint(1, 20)
