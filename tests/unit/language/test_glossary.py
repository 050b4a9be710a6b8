"""The glossary is in order, its terms are in use, and the words that it bans are read from its table."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest
from tests.unit.language.files import find_files
from tests.unit.language.glossary import PAGE, Term, in_words, is_used, read_terms

ROOT = Path(__file__).parents[3]
TERMS = read_terms((ROOT / PAGE).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def corpus() -> str:
    """The words of code and pages, without the glossary."""
    paths = (path for path in find_files([ROOT / "src", ROOT / "docs", ROOT / "README.md"]) if path != ROOT / PAGE)
    return " ".join(in_words(path.read_text(encoding="utf-8")) for path in paths)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.term)
def test_term_appears_in_code_or_pages(term: Term, corpus: str) -> None:
    """An unused term does not help a reader."""
    assert is_used(term.term, corpus), (
        f"{PAGE}: {term.term!r} appears neither in code nor in pages: remove it or use it"
    )


def test_terms_of_each_group_are_in_alphabetical_order() -> None:
    """A reader looks a term up by its first letter."""
    for group, rows in groupby(TERMS, key=lambda term: term.group):
        terms = [row.term.lower() for row in rows]
        assert terms == sorted(terms), group


def test_no_term_is_defined_twice() -> None:
    """One word has one meaning."""
    terms = [term.term for term in TERMS]
    assert sorted(set(terms)) == sorted(terms)


def test_each_term_has_a_meaning_of_one_sentence_and_a_source() -> None:
    """The table stays short, and each claim about the field can be followed."""
    assert len(TERMS) > 100
    assert [term.term for term in TERMS if not term.source or not term.meaning.endswith(".")] == []
    assert [term.term for term in TERMS if ". " in term.meaning] == []


def test_no_term_is_banned_as_a_synonym_of_another() -> None:
    """The table does not contradict itself."""
    terms = " | ".join(term.term for term in TERMS)
    assert [ban.pattern.pattern for term in TERMS for ban in term.bans() if ban.pattern.search(terms)] == []


def test_banned_synonym_is_found_in_its_forms() -> None:
    """An asterisk stands for any ending; without one, the word matches alone."""
    (term,) = read_terms(
        "## A\n| term | meaning | source | instead of |\n|---|---|---|---|\n| x | A. | b | `wake-up time*`, `lane` |\n"
    )
    assert term == Term("A", "x", "A.", "b", ("wake-up time*", "lane"))
    times, lane = term.bans()
    assert times.pattern.search("the Wake-up\ntimes of keys")
    assert lane.pattern.search("a lane.")
    assert not lane.pattern.search("a plane, lanes")
    assert lane.instead == "'x'"


def test_row_with_a_missing_cell_is_an_error() -> None:
    """A row that cannot be read is not left out silently."""
    with pytest.raises(ValueError, match="3 cells instead of 4"):
        read_terms("| a | b | c |\n")


@pytest.mark.parametrize("text", ["class ChangeSink:", "change_sink = 1", "The change\nsinks.", "CHANGE_SINK"])
def test_identifiers_count_as_words(text: str) -> None:
    """Names of classes, functions and constants use the terms too."""
    assert is_used("change sink", in_words(text))
    assert not is_used("sink change", in_words(text))
