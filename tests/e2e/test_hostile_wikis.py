"""Wikis that answer too much, something else or somewhere else: their revision fails, its neighbours do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from tests.e2e.enrichment_job import (
    JobResult,
    assert_errors_contain,
    assert_valid,
    build_change,
    build_dataset,
    build_page,
    build_revision,
    encode_line,
    run_over_file,
    setting_arguments,
    start_job,
    text_of,
    wiki_settings,
)

from wikistate.demo.pages import Wiki, make_revision
from wikistate.testing.faults import Fault, GzipBomb, HttpRedirect, HugeBody, NonJsonBody, Rule, SlowBody, WrongRevision
from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from pathlib import Path

BAD = 25
REVISIONS = range(1, 51)
LINES = [encode_line(build_change(number)) for number in REVISIONS]
MEMORY = 400_000_000
"""Bytes that the job may ever have resident, whatever it is sent."""


def to_one(action: Fault) -> list[Rule]:
    """The action, to whatever asks for the one bad revision."""
    return [Rule(action, revisions=frozenset({BAD}))]


def assert_bad_alone(ended: JobResult, error_type: str) -> None:
    """All but the bad revision are enriched with their own content, and it is on the error stream."""
    assert ended.code == 0
    assert ended.bodies == {number: text_of(number) for number in REVISIONS if number != BAD}
    assert ended.error_types == [error_type]
    assert_errors_contain(ended.errors, [LINES[BAD - 1]])


@pytest.mark.parametrize(
    "action", [HugeBody(100_000_000), GzipBomb(1_000_000_000)], ids=["100-mb", "gzip-bomb-of-1-gb"]
)
async def test_an_answer_without_end_is_not_held_in_memory(action: Fault, tmp_path: Path) -> None:
    """Reading stops at max_response_bytes, also of what is unpacked; the peak of the memory stays bounded."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki, start_job(tmp_path, *wiki_settings(wiki)) as run:
        wiki.set_faults(to_one(action))
        await run.feed(LINES)
        assert run.peak_memory() < MEMORY
        ended = await run.close_input()
    assert_bad_alone(ended, "ContentTooLarge")


async def test_a_redirect_to_another_host_is_not_followed(tmp_path: Path) -> None:
    """The other host sees no request: it could be an address that only this machine reaches."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki, FakeWiki(build_dataset(*REVISIONS)) as other:
        wiki.set_faults(to_one(HttpRedirect(f"{other.url}/w/api.php")))
        ended = await run_over_file(tmp_path, LINES, *wiki_settings(wiki))
    assert_bad_alone(ended, "Redirect")
    assert other.request_log.requests == 0


async def test_content_that_is_no_text_fails_alone(tmp_path: Path) -> None:
    """Half a surrogate pair cannot be written as UTF-8, so that such an answer is none."""
    slots = {"main": {"contentmodel": "wikitext", "contentformat": "text/x-wiki", "content": "LONE"}}
    answer = {"batchcomplete": True, "query": {"pages": [{"pageid": 1, "revisions": [{"revid": BAD, "slots": slots}]}]}}
    body = orjson.dumps(answer).decode().replace("LONE", "\\ud800")
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        wiki.set_faults(to_one(NonJsonBody(body)))
        ended = await run_over_file(tmp_path, LINES, *wiki_settings(wiki))
    assert_bad_alone(ended, "UnparsableResponse")


async def test_content_with_every_kind_of_character_comes_out_as_it_is(tmp_path: Path) -> None:
    """Controls, line ends of all sorts, marks of direction, characters beyond the first plane, what looks like JSON."""
    text = "".join(map(chr, range(1, 0x300))) + '\u2028\u2029\ufeff\u202e\U0001f30a\U0010ffff"}]}\\ud800'
    world = build_dataset(1)
    world.put(next(iter(world.wikis.values())), build_page(1), make_revision(1, text))
    async with FakeWiki(world) as wiki:
        ended = await run_over_file(tmp_path, [encode_line(build_change(1))], *wiki_settings(wiki))
    assert ended.bodies == {1: text}
    assert_valid(ended.enriched)


async def test_a_revision_that_was_not_asked_for_is_not_taken(tmp_path: Path) -> None:
    """A wiki that answers with others is not believed: no event gets the content of another, the next wiki is well."""
    other = Wiki("dewiki", "de.wikipedia.org")
    world = build_dataset(1)
    world.put(other, build_page(2), build_revision(2))
    lines = [encode_line(build_change(1)), encode_line(build_change(2, wiki=other))]
    async with FakeWiki(world) as wiki:
        wiki.set_faults([Rule(WrongRevision(offset=1), wiki="enwiki")])
        ended = await run_over_file(tmp_path, lines, *wiki_settings(wiki))
    assert (ended.code, ended.bodies, ended.error_types) == (0, {2: text_of(2)}, ["BadRevision"])
    assert_errors_contain(ended.errors, lines)


async def test_one_wrong_number_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    """An answer to fifty that lacks one, and has one that nobody asked for in its place."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        wiki.set_faults(to_one(WrongRevision()))
        ended = await run_over_file(tmp_path, LINES, *wiki_settings(wiki))
    assert_bad_alone(ended, "BadRevision")


async def test_an_answer_drop_by_drop_is_cut_by_its_time(tmp_path: Path) -> None:
    """A byte now and then does not keep a request alive: the time of a request is bounded as a whole."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        wiki.set_faults(to_one(SlowBody(chunk=1, pause=0.1)))
        limits = setting_arguments(enrich__request_timeout=2, enrich__retry__max_attempts=2)
        ended = await run_over_file(tmp_path, LINES, *wiki_settings(wiki), *limits)
    assert_bad_alone(ended, "ReadTimeout")
