"""Ids of entities are checked where they come in: what is none goes into no URL and no IRI."""

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
def test_what_is_written_is_read(entity: EntityId) -> None:
    """Entities, forms and senses."""
    assert parse_entity_id(str(entity)) == entity


@given(IDS)
def test_the_key_is_a_number(entity: EntityId) -> None:
    """It fits into 35 bits, is unlike any other's, and leads back to the id."""
    assert 0 < entity.key < 2**35
    assert EntityId.from_key(entity.key) == entity


@given(st.text(max_size=12))
def test_nothing_else_is_an_id(text: str) -> None:
    """Whatever is taken for an id is written the same."""
    with suppress(InputError):
        assert str(parse_entity_id(text)) == text


@given(st.text(st.sampled_from("QPLMEFSq0123456789-\n "), max_size=12) | (IDS | PARTS).map(str))
def test_to_check_an_id_is_to_read_it(text: str) -> None:
    """The short way takes what the long way takes, and nothing else."""
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
        ("Q2147483648", "the largest number is 2147483647"),
        ("L1-F2147483648", "the largest number is 2147483647"),
        ("Q1-F1", "only lexemes"),
        ("L1-X1", "expected one of QPLME"),
        ("L1-F0", "expected one of QPLME"),
    ],
)
def test_why_something_is_no_id(text: str, reason: str) -> None:
    """Paths, parameters, foreign digits, wrong case and numbers that no wiki gives are refused with a reason."""
    with pytest.raises(InputError, match="is not an entity id") as caught:
        parse_entity_id(text)
    assert reason in caught.value.message


def test_a_long_text_is_not_repeated_in_full() -> None:
    """The message stays short."""
    with pytest.raises(InputError) as caught:
        parse_entity_id("Q" * 1_000_000)
    assert len(str(caught.value)) < 400


def test_forms_have_no_page() -> None:
    """What happens to a lexeme happens to its forms and senses, so that none of those is ever told of alone."""
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
def test_the_entity_of_a_page(namespace: int, title: str, entity: str) -> None:
    """Titles lose the name of their namespace; media info is named after the page."""
    assert str(PAGES.parse_entity(namespace, page_id=99, title=title)) == entity


def test_names_of_namespaces_are_the_wiki_s() -> None:
    """A wiki in another language has other names."""
    pages = EntityPages(domain="x", namespaces=frozenset({122}), prefixes=("Eigenschaft:",))
    assert str(pages.parse_entity(122, page_id=1, title="Eigenschaft:P5")) == "P5"
    with pytest.raises(InputError, match="is not an entity id"):
        pages.parse_entity(122, page_id=1, title="Property:P5")


def test_a_title_that_is_no_id_is_refused() -> None:
    """Also one that only begins as one."""
    for title in ("Main_Page", "Q42/../../etc", "Item:Item:Q1"):
        with pytest.raises(InputError, match="is not an entity id"):
            PAGES.parse_entity(0, page_id=1, title=title)


def test_what_looks_like_an_id() -> None:
    """Letter and digit: anything else is a page of another kind."""
    assert all(map(looks_like_id, ("Q42", "q1", "Q1/../x", "X5")))
    assert not any(map(looks_like_id, ("", "Main_Page", "2024", "../Q1", "É5")))
