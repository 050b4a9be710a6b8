"""Sums and sizes of slots and revisions are those of MediaWiki."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from wikistate.demo.pages import Page, Revision, compute_sha1, decode_base36, encode_base36, make_revision, make_slot


def test_sum_of_an_empty_text_is_the_known_one() -> None:
    """An empty page has the same base-36 sum on every wiki."""
    assert encode_base36(compute_sha1("")) == "phoiac9h4m842xq45sp7s6u21eteeq1"


def test_small_sums_are_padded_and_the_largest_sum_fits() -> None:
    """31 digits are enough for every 160-bit number."""
    assert encode_base36("0" * 40) == "0" * 31
    assert encode_base36("0" * 39 + "f") == "f".rjust(31, "0")
    assert len(encode_base36("f" * 40)) == 31


@settings(deadline=None)
@given(st.integers(0, 2**160 - 1))
def test_hex_to_base_36_and_back_is_the_identity(number: int) -> None:
    """Conversion in both directions does not change a sum."""
    digest = f"{number:040x}"
    assert decode_base36(encode_base36(digest)) == digest
    assert int(encode_base36(digest), 36) == number


@settings(deadline=None)
@given(st.text())
def test_a_slot_counts_bytes_of_utf_8(text: str) -> None:
    """Size and sum are those of the encoded text, not of its characters."""
    part = make_slot(text)
    assert part.size == len(text.encode())
    assert part.sha1 == hashlib.sha1(text.encode()).hexdigest()


def test_revision_with_one_slot_has_the_sum_of_the_slot() -> None:
    """A chain of sums exists for several slots only."""
    only = make_revision(1, "Some text.")
    assert (only.sha1, only.size) == (only.slots[0].sha1, 10)


def test_revision_with_two_slots_has_the_sum_of_their_chain() -> None:
    """The base-36 sums are concatenated in the order of the roles and hashed again."""
    main, labels = make_slot("a"), make_slot("{}", model="wikibase-mediainfo", role="mediainfo")
    both = Revision(1, (main, labels))
    assert both.sha1 == compute_sha1(encode_base36(main.sha1) + encode_base36(labels.sha1))
    assert both.size == 3


def test_a_page_key_has_underscores() -> None:
    """Events and the database have titles with underscores."""
    assert Page(1, "Talk:River Ash").key == "Talk:River_Ash"
