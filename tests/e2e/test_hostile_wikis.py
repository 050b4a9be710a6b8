"""Wikis with oversized, malformed or misplaced responses: their revision fails, its neighbours do not."""

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
"""Upper bound of the job's resident memory in bytes, for each response."""


def rules_for_bad_revision(action: Fault) -> list[Rule]:
    """Return a rule that applies the fault to each request for the one bad revision."""
    return [Rule(action, revisions=frozenset({BAD}))]


def assert_only_bad_revision_fails(result: JobResult, error_type: str) -> None:
    """Assert that each other revision is enriched with its own content, and the bad one is on the error stream."""
    assert result.code == 0
    assert result.bodies == {number: text_of(number) for number in REVISIONS if number != BAD}
    assert result.error_types == [error_type]
    assert_errors_contain(result.errors, [LINES[BAD - 1]])


@pytest.mark.parametrize(
    "action", [HugeBody(100_000_000), GzipBomb(1_000_000_000)], ids=["100-mb", "gzip-bomb-of-1-gb"]
)
async def test_oversized_response_is_not_held_in_memory(action: Fault, tmp_path: Path) -> None:
    """Reading stops at max_response_bytes, also of decompressed bytes; the peak of the memory stays bounded."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki, start_job(tmp_path, *wiki_settings(wiki)) as run:
        wiki.set_faults(rules_for_bad_revision(action))
        await run.feed(LINES)
        assert run.peak_memory() < MEMORY
        result = await run.close_input()
    assert_only_bad_revision_fails(result, "ContentTooLarge")


async def test_redirect_to_another_host_is_not_followed(tmp_path: Path) -> None:
    """The other host receives no request: its address could be one that only this machine can reach."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki, FakeWiki(build_dataset(*REVISIONS)) as other:
        wiki.set_faults(rules_for_bad_revision(HttpRedirect(f"{other.url}/w/api.php")))
        result = await run_over_file(tmp_path, LINES, *wiki_settings(wiki))
    assert_only_bad_revision_fails(result, "Redirect")
    assert other.request_log.requests == 0


async def test_content_that_is_not_text_fails_alone(tmp_path: Path) -> None:
    """Half a surrogate pair is not valid in UTF-8, so that such a response is not valid."""
    slots = {"main": {"contentmodel": "wikitext", "contentformat": "text/x-wiki", "content": "LONE"}}
    response = {
        "batchcomplete": True,
        "query": {"pages": [{"pageid": 1, "revisions": [{"revid": BAD, "slots": slots}]}]},
    }
    body = orjson.dumps(response).decode().replace("LONE", "\\ud800")
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        wiki.set_faults(rules_for_bad_revision(NonJsonBody(body)))
        result = await run_over_file(tmp_path, LINES, *wiki_settings(wiki))
    assert_only_bad_revision_fails(result, "UnparsableResponse")


async def test_content_with_each_kind_of_character_is_unchanged(tmp_path: Path) -> None:
    """Controls, line endings of all sorts, direction marks, characters beyond the first plane, text that looks like JSON."""
    text = "".join(map(chr, range(1, 0x300))) + '\u2028\u2029\ufeff\u202e\U0001f30a\U0010ffff"}]}\\ud800'
    dataset = build_dataset(1)
    dataset.put(next(iter(dataset.wikis.values())), build_page(1), make_revision(1, text))
    async with FakeWiki(dataset) as wiki:
        result = await run_over_file(tmp_path, [encode_line(build_change(1))], *wiki_settings(wiki))
    assert result.bodies == {1: text}
    assert_valid(result.enriched)


async def test_revision_that_was_not_requested_is_ignored(tmp_path: Path) -> None:
    """No event gets the content of another revision, and events of the next wiki are enriched."""
    other = Wiki("dewiki", "de.wikipedia.org")
    dataset = build_dataset(1)
    dataset.put(other, build_page(2), build_revision(2))
    lines = [encode_line(build_change(1)), encode_line(build_change(2, wiki=other))]
    async with FakeWiki(dataset) as wiki:
        wiki.set_faults([Rule(WrongRevision(offset=1), wiki="enwiki")])
        result = await run_over_file(tmp_path, lines, *wiki_settings(wiki))
    assert (result.code, result.bodies, result.error_types) == (0, {2: text_of(2)}, ["BadRevision"])
    assert_errors_contain(result.errors, lines)


async def test_wrong_revision_in_a_batch_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    """The response to fifty lacks one revision, and has one that was not requested in its place."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        wiki.set_faults(rules_for_bad_revision(WrongRevision()))
        result = await run_over_file(tmp_path, LINES, *wiki_settings(wiki))
    assert_only_bad_revision_fails(result, "BadRevision")


async def test_slow_response_is_cut_by_the_request_timeout(tmp_path: Path) -> None:
    """A byte now and then does not keep a request alive: the timeout is for the request as a whole."""
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        wiki.set_faults(rules_for_bad_revision(SlowBody(chunk=1, pause=0.1)))
        limits = setting_arguments(enrich__request_timeout=2, enrich__retry__max_attempts=2)
        result = await run_over_file(tmp_path, LINES, *wiki_settings(wiki), *limits)
    assert_only_bad_revision_fails(result, "ReadTimeout")
