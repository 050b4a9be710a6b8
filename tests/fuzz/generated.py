"""Inputs that are too large for files: nesting, repetition and bombs, which are read in each run as the kept cases are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.mutators.compression import COMPRESSORS, bomb
from tests.fuzz.mutators.http_mutator import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEEP = 40_000
_TURTLE = ("<<( <a:b> <a:c> ", "<< <a:b> <a:c> ", "( ", "[ <a:b> ", "[ ", "{ ", "{| <a:b> ")
_YAML = ("[", "{a: ", "- ", "? ", "{? ", "[{a: ", "&a [", "!!seq [")
_JSON = ("[", '{"a":')
_HTML = (
    "<link ",
    "<",
    "<!--",
    "<title>",
    "<link rel=",
    "<script>",
    "<a href='",
    "&amp",
    '<head><link rel="EditURI" ',
    " ",
)
_EMPTY_MEMBERS = 15_000


def build_generated(target: str) -> list[bytes]:
    """Return the generated inputs of a target."""
    return list(_GENERATORS[target]()) if target in _GENERATORS else []


def _turtle() -> Iterator[bytes]:
    for unit in _TURTLE:
        yield f"<http://a/s> <http://a/p> {unit * _DEEP}".encode()
        yield (unit * _DEEP).encode()
    yield b'<http://a/s> <http://a/p> "' + b"\\u0041" * 60_000 + b'" .'
    yield b"<http://a/s> <http://a/p> " + b"1" * 300_000 + b" ."
    yield b"@prefix a: <http://a/> .\n" * 20_000


def _n_triples() -> Iterator[bytes]:
    for unit in _TURTLE[:2]:
        yield f"<http://a/s> <http://a/p> {unit * _DEEP}".encode()


def _mutations() -> Iterator[bytes]:
    for unit in _TURTLE[:4]:
        yield (
            b'{"$schema":"/mediawiki/wikibase/entity/rdf_change/2.0.0","meta":{"stream":"s"},"entity_id":"Q1","rev_id":1,'
            b'"dt":"2026-01-01T00:00:00Z","sequence":0,"sequence_length":1,"operation":"import","rdf_added_data":'
            b'{"mime_type":"text/turtle","data":"<http://a/s> <http://a/p> ' + unit.encode() * _DEEP + b'"}}'
        )
    yield from _json()


def _yaml() -> Iterator[bytes]:
    for unit in _YAML:
        yield f"a: {unit * _DEEP}".encode()
        yield (unit * _DEEP).encode()
    yield b"a: &a0 [x]\n" + b"".join(
        b"b%d: &a%d [%b]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
    )
    yield b"a: " + b"1:" * 50_000 + b"1"
    yield b"a: " + b"9" * 300_000


def _json() -> Iterator[bytes]:
    for unit in _JSON:
        yield (unit * _DEEP).encode()
        yield b'{"meta":' + (unit * _DEEP).encode()


def _pages() -> Iterator[bytes]:
    for unit in _HTML:
        yield (unit * (400_000 // len(unit))).encode()
        yield b"<html><head>" + (unit * (400_000 // len(unit))).encode()


def _discovery() -> Iterator[bytes]:
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n"
    for page in _pages():
        yield SEPARATOR.join((missing, missing, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page))


def _compressed(*formats: str, before: bytes = b"") -> Iterator[bytes]:
    for name in formats:
        yield before + bomb(name, b"\0")
        yield before + bomb(name, b"\n")
        yield before + COMPRESSORS[name](b"") * _EMPTY_MEMBERS
        yield before + COMPRESSORS[name](b"x\n") + b"\0" * 1_000_000


def _events() -> Iterator[bytes]:
    for line in (b"data\n", b"data:\n", b":\n", b"id\n", b"\n", b"\r", b"\r\n", b"data: x\n", b"id: 1\ndata: x\n\n"):
        yield line * (200_000 // len(line))
    ids = (
        b'id: [{"topic":"t%d","partition":%d,"offset":9223372036854775807}]\ndata: x\n\n' % (n, n) for n in range(3_000)
    )
    yield b"".join(ids)


_FILE = b"x.gz\n"
_GENERATORS: dict[str, Callable[[], Iterator[bytes]]] = {
    "turtle": _turtle,
    "concept-base": _turtle,
    "n-triples": _n_triples,
    "mutations": _mutations,
    "events": _json,
    "input-events": _json,
    "replay": _json,
    "revisions": _json,
    "store-rows": _json,
    "offsets": _json,
    "flink-answers": _json,
    "ledger": _json,
    "change-window": _json,
    "entity-state": _json,
    "configuration": _yaml,
    "schema": _yaml,
    "stream-configuration": _yaml,
    "subgraphs": _yaml,
    "page": _pages,
    "store-errors": _pages,
    "http-discovery": _discovery,
    "sse": _events,
    "sse-compressed": lambda: _compressed("gzip", "zstd"),
    "body": lambda: _compressed("gzip", "zstd", "deflate"),
    "compressed-text": lambda: _compressed("gzip", "zstd", "bzip2", "xz"),
    "compressed-file": lambda: _compressed("gzip", "zstd", "bzip2", "xz", before=_FILE),
    "revision-list": lambda: _compressed("gzip", "zstd"),
}
