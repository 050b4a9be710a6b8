"""Documents whose triples take many times their size."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal
from tests.support.limited_process import run_limited

from wikistate.core.rdf.bounded_parse import ParseLimits, TooLargeError, estimate_memory
from wikistate.core.rdf.parse import parse_small_document, parse_triples

_LONG = b"x" * 100_000

SWELLING = {
    "objects": b"<a:a> <a:a> " + b"1," * 3_000_000 + b"1 .",
    "words": b"<a:a> a true" + b",false" * 1_000_000 + b" .",
    "long subject": b"<a:" + _LONG + b"> <a:a> " + b"1," * 100_000 + b"1 .",
    "long name": b"@prefix e: <e:> . e:" + _LONG + b" <a:a> " + b"1," * 100_000 + b"1 .",
    "long prefix": b"@prefix e: <e:" + _LONG + b"> . e:a e:b " + b"e:c," * 100_000 + b"e:c .",
    "long base": b"@base <http://x/" + _LONG + b"/> . <a> <b> " + b"<c>," * 100_000 + b"<c> .",
    "many prefixes": b"".join(b"@prefix e: <e:%s%d> . e:a e:b e:c,e:d,e:e .\n" % (_LONG, n) for n in range(400)),
}


@pytest.mark.parametrize("name", SWELLING)
def test_document_that_swells_is_refused_within_its_memory(name: str) -> None:
    """The child has 400 MiB beside the interpreter, of which the parsed triples may take 64."""
    found = run_limited(
        """
        import sys
        from tests.unit.core.rdf.test_bounded_parse import SWELLING
        from wikistate.core.rdf.bounded_parse import ParseLimits, TooLargeError
        from wikistate.core.rdf.parse import parse_triples
        try:
            parse_triples(SWELLING[sys.argv[1]], base="http://x/Q1", limits=ParseLimits(memory=64 << 20))
        except TooLargeError as error:
            print(error.is_memory, error.message)
        """,
        name,
        megabytes=700,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("True http://x/Q1 takes more than 67,108,864 bytes of memory as triples")


def test_number_of_triples_is_bounded_for_each_way_of_reading() -> None:
    """Reading stops at the bound and does not parse the rest."""
    lines = [b"<http://x/s> <http://x/p> %d .\n" % number for number in range(300)]
    body = b"".join(lines)
    assert len(parse_triples(body, base="http://x/", limits=ParseLimits(triples=300))) == 300
    for size in (11, 299):
        with pytest.raises(TooLargeError, match="too many triples; allowed are 10") as raised:
            parse_triples(b"".join(lines[:size]) + b"not RDF", base="http://x/", limits=ParseLimits(triples=10))
        assert not raised.value.is_memory


def test_number_of_triples_of_a_message_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is the same for each way of reading."""
    monkeypatch.setattr("wikistate.core.rdf.parse.DEFAULT_LIMITS", ParseLimits(triples=10))
    with pytest.raises(TooLargeError, match="too many triples; allowed are 10"):
        parse_small_document("".join(f"<http://x/s> <http://x/p> {number} .\n" for number in range(11)))


def test_chunks_are_read_to_the_last_triple() -> None:
    """A document of several chunks has the same triples as its lines, in their order."""
    lines = [b"<http://x/s> <http://x/p> %d .\n" % number for number in range(1000)]
    found = parse_triples(b"".join(lines), base="http://x/")
    assert [str(triple.object) for triple in found] == [str(Literal(number)) for number in range(1000)]
    assert estimate_memory(found) == 1000 * 400 + len("".join(f"{triple} .\n" for triple in found).encode())
