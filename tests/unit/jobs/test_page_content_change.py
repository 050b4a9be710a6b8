"""The job page-content-change against the test wiki: events that are fetched, passed through and rejected."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from wikistate.config.layers import Layer
from wikistate.config.load import load
from wikistate.demo import corpus
from wikistate.jobs.enrichment import EnrichmentJob
from wikistate.jobs.page_content_change import DEFAULTS
from wikistate.streaming.record import Output, Partition, Record, Role
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.wiki.datasets import MemoryDataset
from wikistate.testing.wiki.server import FakeWiki
from wikistate.wiring.enrichment import assemble_page_content_change

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.core.events.meta import Event
    from wikistate.streaming.job import Job

WORLD = corpus.compose(changes=300)
EVENTS = [event for event in WORLD.events if event["meta"]["domain"] != "canary"]
BODIES = {
    (stored.wiki.wiki_id, stored.revision.rev_id): {slot.role: slot.text for slot in stored.revision.slots}
    if stored.revision.visibility.content
    else {}  # hidden since: the wiki has no body, and the event continues without
    for stored in WORLD.revisions()
}


class OpenJob:
    """Open job with its meter."""

    def __init__(self, job: Job, meter: RecordingMeter, wiki: FakeWiki) -> None:
        self.job, self.meter, self.wiki = job, meter, wiki
        self._offset = 0

    async def process(self, *values: bytes | None) -> list[list[Output]]:
        """Process the values and return the outputs of each, in the same order."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[list[Output]]] = [loop.create_future() for _ in values]
        for value, future in zip(values, futures, strict=True):
            self._offset += 1
            self.job.execute(self.job.plan(Record(value, None, None, Partition("t"), self._offset)), future.set_result)
        return await asyncio.gather(*futures)


@pytest.fixture
async def opened() -> AsyncIterator[OpenJob]:
    """Yield the job over a wiki that has all revisions, including those of deleted pages."""
    async with FakeWiki(MemoryDataset.from_corpus(WORLD, with_deleted=True)) as wiki:
        layer = Layer(values={"enrich": {"mediawiki_api_endpoint_template": f"{wiki.url}/w/api.php"}})
        layer.values["stream_manager"] = {"source": {"connector": "file", "options": {"path": "-"}}}
        meter = RecordingMeter()
        configuration = load([Layer(values=dict(DEFAULTS)), layer]).configuration
        job = assemble_page_content_change(configuration, meter).job
        await job.open()
        yield OpenJob(job, meter, wiki)
        await job.close()


def parsed(output: Output) -> Event:
    """Return the event in an output."""
    event: Event = orjson.loads(output.value)
    return event


async def test_every_kind_is_enriched_except_deletions_and_hidden_content(opened: OpenJob) -> None:
    """All bodies are those of the wiki, for all slots; the rest of the revision does not change."""
    results = await opened.process(*map(orjson.dumps, EVENTS))
    assert len(EVENTS) >= 300
    kinds: dict[str, int] = {}
    for event, outputs in zip(EVENTS, results, strict=True):
        (output,) = outputs
        assert output.role is Role.SINK, output.value
        enriched = parsed(output)
        kind, revision = event["page_change_kind"], event["revision"]
        bodies = _bodies(enriched)
        if kind == "delete" or not revision.get("is_content_visible", True):
            assert bodies == {}
        else:
            assert bodies == BODIES[event["wiki_id"], revision["rev_id"]]
            kinds[kind] = kinds.get(kind, 0) + 1
        assert _without_bodies(enriched)["revision"] == revision
        assert enriched.get("prior_state") == event.get("prior_state")
    assert kinds.keys() >= {"create", "edit", "move", "undelete"}
    assert opened.meter.total(metrics.EVENTS_ERRORS) == 0


def _bodies(event: Event) -> dict[str, str]:
    slots: dict[str, Any] = event["revision"].get("content_slots", {})
    return {role: slot["content_body"] for role, slot in slots.items() if "content_body" in slot}


def _without_bodies(event: Event) -> Event:
    copy: Event = orjson.loads(orjson.dumps(event))
    for slot in copy["revision"].get("content_slots", {}).values():
        slot.pop("content_body", None)
    return copy


async def test_one_request_serves_many_events(opened: OpenJob) -> None:
    """Concurrent fetches share requests, 50 revisions of a wiki in each."""
    english = [event for event in EVENTS if event["wiki_id"] == "enwiki" and event["page_change_kind"] == "edit"][:40]
    await opened.process(*map(orjson.dumps, english))
    assert opened.meter.total(metrics.WIKI_REQUESTS) == 1


async def test_invalid_record_becomes_an_error_event_with_the_original(opened: OpenJob) -> None:
    """It leads to no request to a wiki."""
    event = EVENTS[0]
    nowhere = {**event, "meta": {**event["meta"], "domain": "169.254.169.254"}}
    homeless = {**event, "meta": {name: text for name, text in event["meta"].items() if name != "domain"}}
    values = [b"not json", orjson.dumps({**event, "page": 3}), orjson.dumps(nowhere), orjson.dumps(homeless)]
    results = await opened.process(*values)
    errors = [parsed(output) for (output,) in results]
    assert [error["error_type"] for error in errors] == ["NotJson", "InvalidEvent", "WikiNotAllowed", "NoDomain"]
    assert [error["raw_event"].encode() for error in errors] == values
    assert {error["meta"]["stream"] for error in errors} == {"mw_page_content_change_enrich.error"}
    assert opened.meter.total(metrics.WIKI_REQUESTS) == 0
    assert opened.meter.by_label(metrics.EVENTS_ERRORS)["NotJson",] == 1


async def test_canaries_and_tombstones_are_dropped_and_counted(opened: OpenJob) -> None:
    """They are counted by the name of the reason."""
    canary = next(event for event in WORLD.events if event["meta"]["domain"] == "canary")
    assert await opened.process(orjson.dumps(canary), None) == [[], []]
    assert opened.meter.by_label(metrics.EVENTS_FILTERED) == {("canary",): 1, ("tombstone",): 1}


async def test_order_is_kept_within_a_page_of_a_wiki(opened: OpenJob) -> None:
    """The key of the work is the message key; an invalid record needs no order."""

    def key(value: bytes) -> object:
        return opened.job.plan(Record(value, None, None, Partition("t"), 0)).key

    event = EVENTS[0]
    same, other = orjson.dumps(event), orjson.dumps({**event, "wiki_id": "otherwiki"})
    assert key(same) == key(same) is not None
    assert key(same) != key(other)
    assert key(b"poison") is None


async def test_internal_defect_becomes_an_error_event_with_its_stack(opened: OpenJob) -> None:
    """The job continues after any record, and the error event has the place of the defect."""

    class Broken:
        def decode(self, record: Record) -> Event:
            raise ZeroDivisionError(record.offset)

    assert isinstance(opened.job, EnrichmentJob)
    opened.job._event_io._decoder = Broken()  # type: ignore[assignment]  # there is no known record that breaks the real one
    (output,) = (await opened.process(b"{}"))[0]
    error = parsed(output)
    assert (error["error_type"], error["raw_event"]) == ("ZeroDivisionError", "{}")
    assert "test_page_content_change.py" in error["stack"]
