"""Events that are broken, enormous or malicious: each becomes one error event, and its neighbours are enriched."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.e2e.enrichment_job import (
    WIKI,
    Event,
    JobResult,
    assert_errors_contain,
    assert_valid,
    build_change,
    build_dataset,
    encode_line,
    run_over_file,
    setting_arguments,
    text_of,
    wiki_settings,
)

from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOSTILE = 500
"""Revision of the broken change; the revisions before and after it belong to its neighbours."""

ENRICHED = ""
"""Error type of a line that looks broken and is valid."""


class Row(NamedTuple):
    """A line of input and the type of its error event."""

    name: str
    line: bytes
    error_type: str


def replace_bytes(before: bytes, after: bytes) -> bytes:
    """Return the change with some bytes replaced by others."""
    good = encode_line(build_change(HOSTILE))
    assert before in good
    return good.replace(before, after, 1)


def with_meta(meta: object) -> bytes:
    """Return the change with this value of ``meta``."""
    return encode_line(build_change(HOSTILE) | {"meta": meta})


def with_field(text: bytes) -> bytes:
    """Return the change with a field that is in no schema."""
    return replace_bytes(b"{", b'{"from_the_future":' + text + b",")


def nested(depth: int) -> bytes:
    """Return an array in an array in an array."""
    return b"[" * depth + b"]" * depth


TITLE = b'"page_title":"Page_500"'

LINES = (
    Row("empty-line", b"", "NotJson"),
    Row("blank-line", b" \t ", "NotJson"),
    Row("no-json", b"<html>", "NotJson"),
    Row("half-an-event", encode_line(build_change(HOSTILE))[:200], "NotJson"),
    Row("two-events-in-a-line", encode_line(build_change(HOSTILE)) * 2, "NotJson"),
    Row("null", b"null", "NotAnObject"),
    Row("array", b"[]", "NotAnObject"),
    Row("text", b'"{}"', "NotAnObject"),
    Row("number", b"1", "NotAnObject"),
    Row("empty-object", b"{}", "WrongSchema"),
    Row(
        "schema-of-another-stream", replace_bytes(b"/mediawiki/page/change/", b"/mediawiki/page/delete/"), "WrongSchema"
    ),
    Row("schema-that-is-no-text", replace_bytes(b'"/mediawiki/page/change/1.7.0"', b"17"), "WrongSchema"),
    Row("utf-8-that-is-none", replace_bytes(TITLE, b'"page_title":"\xff\xfe"'), "NotJson"),
    Row("half-a-character", replace_bytes(TITLE, b'"page_title":"\xe2\x82"'), "NotJson"),
    Row("nul-byte", replace_bytes(TITLE, b'"page_title":"a\x00b"'), "NotJson"),
    Row("nul-escaped", replace_bytes(TITLE, b'"page_title":"a\\u0000b"'), ENRICHED),
    Row("lone-surrogate", replace_bytes(TITLE, b'"page_title":"\\ud800"'), "NotJson"),
    Row("number-too-large-for-a-float", replace_bytes(b'"rev_id":500', b'"rev_id":1e999'), "NotJson"),
    Row(
        "number-too-large-for-the-wiki",
        replace_bytes(b'"rev_id":500', b'"rev_id":18446744073709551615'),
        "InvalidEvent",
    ),
    Row("not-a-number", replace_bytes(b'"rev_id":500', b'"rev_id":NaN'), "NotJson"),
    Row("revision-0", replace_bytes(b'"rev_id":500', b'"rev_id":0'), "InvalidEvent"),
    Row("negative-revision", replace_bytes(b'"rev_id":500', b'"rev_id":-500'), "InvalidEvent"),
    Row("fraction-of-a-revision", replace_bytes(b'"rev_id":500', b'"rev_id":500.5'), "InvalidEvent"),
    Row("revision-that-is-true", replace_bytes(b'"rev_id":500', b'"rev_id":true'), "InvalidEvent"),
    Row("revision-that-is-text", replace_bytes(b'"rev_id":500', b'"rev_id":"500|501"'), "InvalidEvent"),
    Row("key-twice", replace_bytes(b"{", b'{"wiki_id":"dewiki",'), ENRICHED),
    Row("meta-array", with_meta([]), "InvalidEvent"),
    Row("meta-null", with_meta(None), "InvalidEvent"),
    Row("meta-text", with_meta("en.wikipedia.org"), "InvalidEvent"),
    Row("meta-empty", with_meta({}), "InvalidEvent"),
    Row("date-that-is-none", replace_bytes(b'"dt":"2024-', b'"dt":"2024-99-99T'), "InvalidEvent"),
    Row(
        "slots-array",
        encode_line(build_change(HOSTILE) | {"revision": {"rev_id": HOSTILE, "content_slots": []}}),
        "InvalidEvent",
    ),
    Row("nested-100000", with_field(nested(100_000)), "NotJson"),
    Row("nested-100000-open", b'{"a":' * 100_000, "NotJson"),
    Row("a-million-unknown-fields", with_field(b"[" + b",".join([b'{"x":1}'] * 1_000_000) + b"]"), ENRICHED),
)


def among_neighbours(lines: Sequence[bytes]) -> list[bytes]:
    """Return each line between two valid changes; the revisions of these count from 1."""
    before = [encode_line(build_change(number)) for number in range(1, len(lines) + 1)]
    return [
        *(each for pair in zip(before, lines, strict=True) for each in pair),
        encode_line(build_change(len(lines) + 1)),
    ]


async def run_among_neighbours(folder: Path, lines: Sequence[bytes], *arguments: str) -> tuple[JobResult, FakeWiki]:
    """Run the job over these lines and their neighbours, and assert that the neighbours are enriched."""
    neighbours = range(1, len(lines) + 2)
    async with FakeWiki(build_dataset(*neighbours, HOSTILE)) as wiki:
        result = await run_over_file(folder, among_neighbours(lines), *wiki_settings(wiki), *arguments)
    assert result.code == 0
    assert result.bodies.items() >= {number: text_of(number) for number in neighbours}.items()
    assert_valid(result.enriched)
    assert_errors_contain(result.errors, lines)
    return result, wiki


async def test_each_hostile_line_becomes_one_error_event_that_holds_it(tmp_path: Path) -> None:
    """Each line becomes an error event with the reason, or an enriched event; nothing else happens."""
    result, _ = await run_among_neighbours(tmp_path, [row.line for row in LINES])
    found = {event["raw_event"]: event["error_type"] for event in result.errors}
    wanted = {row.line.decode(errors="backslashreplace"): row.error_type for row in LINES if row.error_type}
    named = {row.line.decode(errors="backslashreplace"): row.name for row in LINES}
    assert {named[raw]: kind for raw, kind in found.items()} == {named[raw]: kind for raw, kind in wanted.items()}
    assert len(result.errors) == len(wanted)
    assert len(result.enriched) == len(LINES) + 1 + sum(row.error_type == ENRICHED for row in LINES)


@pytest.mark.parametrize("projection", ["pinned", "pass_through"])
async def test_900_levels_in_an_unknown_field_do_not_harm_neighbours(projection: str, tmp_path: Path) -> None:
    """The line is deep, but valid JSON: pinned, the field is dropped; passed through, the event becomes an error event."""
    deep = with_field(nested(900))
    result, _ = await run_among_neighbours(tmp_path, [deep], *setting_arguments(stream_manager__projection=projection))
    assert result.error_types == ([] if projection == "pinned" else ["NotEncodable"])
    assert (HOSTILE in result.bodies) == (projection == "pinned")


NOT_ALLOWED = (
    *("localhost", "127.0.0.1", "169.254.169.254", "[::1]", "2130706433", "0x7f000001", "metadata.google.internal"),
    *(
        "evil.example",
        "evil.example/@en.wikipedia.org",
        "en.wikipedia.org/@evil.example",
        "en.wikipedia.org@evil.example",
    ),
    *(
        "en.wikipedia.org.evil.example",
        "evilwikipedia.org",
        "en.wikipedia.org:80",
        "en.wikipedia.org.",
        ".wikipedia.org",
    ),
    *("en.wikipedia.org/w/api.php?", "en.wikipedia.org#", "en..wikipedia.org", "-.wikipedia.org", "_.wikipedia.org"),
    *("bücher.wikipedia.org", "en.wi\u212aipedia.org", "\uff45\uff4e.wikipedia.org", "en\u3002wikipedia.org"),
    *("en.wikipedia.org\r\nHost: evil.example", "en.wikipedia.org\u0000", " en.wikipedia.org", "%65n.wikipedia.org"),
    *("a" * 10_240, "a" * 10_240 + ".wikipedia.org", "." * 10_240),
)


def from_domain(domain: str) -> bytes:
    """Return the change with another domain."""
    event = build_change(HOSTILE)
    return encode_line(event | {"meta": event["meta"] | {"domain": domain}})


async def test_wiki_that_is_not_allowed_is_not_requested(tmp_path: Path) -> None:
    """An address, a URL, a look-alike or a name that is too long sends no request; the error names the setting."""
    result, wiki = await run_among_neighbours(tmp_path, [from_domain(domain) for domain in NOT_ALLOWED])
    assert result.error_types == ["WikiNotAllowed"] * len(NOT_ALLOWED)
    assert set(wiki.request_log.hosts) == {WIKI.domain}
    assert wiki.request_log.count_requests(HOSTILE) == 0
    assert all("DOMAIN=https://DOMAIN/w/api.php" in event["message"] for event in result.errors)
    assert max(len(event["message"]) for event in result.errors) < 1000


async def test_upper_case_domain_names_the_same_wiki(tmp_path: Path) -> None:
    """Host names are case-insensitive (RFC 4343)."""
    result, wiki = await run_among_neighbours(tmp_path, [from_domain("EN.Wikipedia.ORG")])
    assert result.bodies[HOSTILE] == text_of(HOSTILE)
    assert set(wiki.request_log.hosts) == {WIKI.domain}


async def test_canaries_are_dropped(tmp_path: Path) -> None:
    """A canary event shows that a stream is alive, and is in neither output."""
    result, _ = await run_among_neighbours(tmp_path, [from_domain("canary")])
    assert (len(result.enriched), result.errors) == (2, [])


def change_of_size(size: int) -> Event:
    """Return the change with a comment of so many bytes."""
    event = build_change(HOSTILE)
    return event | {"comment": "x" * size}


async def test_event_of_20_mb_passes_through_files(tmp_path: Path) -> None:
    """A file has no limit of its own."""
    result, _ = await run_among_neighbours(tmp_path, [encode_line(change_of_size(20_000_000))])
    assert result.errors == []
    (large,) = (event for event in result.enriched if event["revision"]["rev_id"] == HOSTILE)
    assert large["comment"] == "x" * 20_000_000


async def test_line_above_the_limit_becomes_an_error_event_with_its_beginning(tmp_path: Path) -> None:
    """The line is not read into memory, and the error event states its whole size."""
    lines = [encode_line(change_of_size(20_000_000))]
    bound = setting_arguments(stream_manager__source__options__max_record_bytes=1_000_000)
    result, _ = await run_among_neighbours(tmp_path, lines, *bound)
    assert result.error_types == ["EventTooLarge"]
    assert f"of {len(lines[0])} bytes" in result.errors[0]["message"]
