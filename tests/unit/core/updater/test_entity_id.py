"""Entity ids are checked where they come in: an invalid id never gets into a URL or an IRI."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.updater.entity_id import (
    LETTERS,
    MAX_NUMBER,
    EntityId,
    check_page_entity,
    looks_like_id,
    parse_entity_id,
    parse_page_entity,
)
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.errors import InputError

PAGES = EntityPages(domain="www.wikidata.org", namespaces=frozenset({0, 120, 146}), mediainfo_namespaces=frozenset({6}))

IDS = st.builds(EntityId, st.sampled_from(LETTERS), st.integers(1, MAX_NUMBER), st.just(""))
PARTS = st.builds(
    lambda number, kind, part: EntityId("L", number, f"{kind}{part}"),
    st.integers(1, MAX_NUMBER),
    st.sampled_from("FS"),
    st.integers(1, MAX_NUMBER),
)


@given(IDS | PARTS)
def test_written_id_is_read_back(entity: EntityId) -> None:
    """Ids of entities, forms and senses are read as they were written."""
    assert parse_entity_id(str(entity)) == entity


@given(IDS)
def test_key_is_a_unique_number(entity: EntityId) -> None:
    """The key fits into 35 bits, is unique, and leads back to the id."""
    assert 0 < entity.key < 2**35
    assert EntityId.from_key(entity.key) == entity


@given(st.text(max_size=12))
def test_other_texts_are_not_ids(text: str) -> None:
    """Every accepted text is written back unchanged."""
    with suppress(InputError):
        assert str(parse_entity_id(text)) == text


@given(st.text(st.sampled_from("QPLMEFSq0123456789-\n "), max_size=12) | (IDS | PARTS).map(str))
def test_check_accepts_the_same_ids_as_parse(text: str) -> None:
    """The fast check accepts the same texts as the parser, and no others."""
    outcomes = []
    for read in (parse_page_entity, check_page_entity):
        try:
            read(text)
            outcomes.append("")
        except InputError as error:
            outcomes.append(error.message)
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("q42", "upper case"),
        ("Q42\n", "space"),
        (" Q42", "space"),
        ("", "expected one of QPLME"),
        ("Main_Page", "expected one of QPLME"),
        ("Q042", "expected one of QPLME"),
        ("Q0", "expected one of QPLME"),
        ("Q-1", "expected one of QPLME"),
        ("X1", "expected one of QPLME"),
        ("Q1/../../P2", "expected one of QPLME"),
        ("../Q1", "expected one of QPLME"),
        ("Q1%2F..", "expected one of QPLME"),
        ("Q1?action=delete", "expected one of QPLME"),
        ("Q1#x", "expected one of QPLME"),
        ("Q\uff11", "expected one of QPLME"),
        ("Q99999999999999999999", "expected one of QPLME"),
        ("Q2147483648", "numbers end at 2147483647"),
        ("L1-F2147483648", "numbers end at 2147483647"),
        ("Q1-F1", "only lexemes"),
        ("L1-X1", "expected one of QPLME"),
        ("L1-F0", "expected one of QPLME"),
    ],
)
def test_invalid_ids_are_rejected_with_a_reason(text: str, reason: str) -> None:
    """Paths, parameters, foreign digits, wrong case and numbers that no wiki assigns are rejected with a reason."""
    with pytest.raises(InputError, match="is no entity id") as caught:
        parse_entity_id(text)
    assert reason in caught.value.message


def test_long_text_is_not_repeated_in_full() -> None:
    """The message stays short."""
    with pytest.raises(InputError) as caught:
        parse_entity_id("Q" * 1_000_000)
    assert len(str(caught.value)) < 400


def test_forms_are_not_entities_of_pages() -> None:
    """A change of a lexeme is a change of its forms and senses, so no event is about one of those alone."""
    assert str(parse_page_entity("L1")) == "L1"
    with pytest.raises(InputError, match="part of L1"):
        parse_page_entity("L1-F1")


@pytest.mark.parametrize(
    ("namespace", "title", "entity"),
    [
        (0, "Q42", "Q42"),
        (120, "Property:P31", "P31"),
        (146, "Lexeme:L7", "L7"),
        (120, "Item:Q42", "Q42"),
        (6, "File:Q42.jpg", "M99"),
    ],
)
def test_entity_is_found_by_title_or_page_id(namespace: int, title: str, entity: str) -> None:
    """Titles lose the name of their namespace; media info is named after the page."""
    assert str(PAGES.parse_entity(namespace, page_id=99, title=title)) == entity


def test_namespace_names_are_those_of_the_wiki() -> None:
    """A wiki in another language has other names."""
    pages = EntityPages(domain="x", namespaces=frozenset({122}), prefixes=("Eigenschaft:",))
    assert str(pages.parse_entity(122, page_id=1, title="Eigenschaft:P5")) == "P5"
    with pytest.raises(InputError, match="is no entity id"):
        pages.parse_entity(122, page_id=1, title="Property:P5")


def test_title_that_is_not_an_id_is_rejected() -> None:
    """A title that only begins as an id is rejected too."""
    for title in ("Main_Page", "Q42/../../etc", "Item:Item:Q1"):
        with pytest.raises(InputError, match="is no entity id"):
            PAGES.parse_entity(0, page_id=1, title=title)


def test_letter_and_digit_look_like_an_id() -> None:
    """A title without a letter and a digit belongs to a page of another kind."""
    assert all(map(looks_like_id, ("Q42", "q1", "Q1/../x", "X5")))
    assert not any(map(looks_like_id, ("", "Main_Page", "2024", "../Q1", "É5")))
