"""A user's enrichment: allowed results and exceptions, its arguments, and the outputs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from wikistate.config.layers import Layer
from wikistate.config.load import load
from wikistate.custom import Context, Event, FetchError, Skip
from wikistate.demo import corpus, events
from wikistate.demo.pages import Page, Wiki, make_revision
from wikistate.errors import ConfigError
from wikistate.jobs.custom.job import DEFAULTS, CustomJob
from wikistate.streaming.record import Partition, Record
from wikistate.telemetry import metrics
from wikistate.telemetry.capped_label import MAX_VALUES
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.enrichment import run_enrichment
from wikistate.testing.wiki import MemoryDataset
from wikistate.wiring.enrichment import assemble_custom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.streaming.record import Output

MADE = corpus.compose(changes=120)
EVENTS = [event for event in MADE.events if event["meta"]["domain"] != "canary"]
EDITS = [event for event in EVENTS if event["page_change_kind"] == "edit"]
WORLD = MemoryDataset.from_corpus(MADE, with_deleted=True)


async def test_returned_event_is_written_to_the_sink() -> None:
    """It is stamped and valid; fields that the function did not change stay the same."""

    async def enrich(event: Event, context: Context) -> Event:
        assert context.settings == {}
        return event | {"comment": "seen"}

    outputs = await run_enrichment(enrich, EVENTS)
    assert [event["comment"] for event in outputs.events] == ["seen"] * len(EVENTS)
    assert [event["meta"]["id"] for event in outputs.events] == [event["meta"]["id"] for event in EVENTS]
    assert {event["meta"]["stream"] for event in outputs.events} == {"custom_enriched.v1"}


@pytest.mark.parametrize("raised", [True, False])
async def test_skipped_event_is_counted_by_its_reason(raised: bool) -> None:  # noqa: FBT001
    """A skip may be raised or returned; it is neither an output nor an error."""

    async def enrich(event: Event, context: Context) -> Event | Skip:
        del context
        if event["page_change_kind"] == "edit":
            return event
        skip = Skip(f"kind {event['page_change_kind']}")
        if raised:
            raise skip
        return skip

    outputs = await run_enrichment(enrich, EVENTS)
    assert len(outputs.events) == len(EDITS)
    assert sum(outputs.skipped.values()) == len(EVENTS) - len(EDITS)
    assert outputs.skipped["kind create"] > 0
    assert outputs.errors == []


async def test_label_values_of_a_function_are_bounded() -> None:
    """Labels from a user's code are bounded.

    Beyond a hundred there is one value for the rest, and nothing is uncounted.
    """
    calls = 0

    async def enrich(event: Event, context: Context) -> Skip:
        nonlocal calls
        calls += 1
        context.metrics.count(event["page"]["page_title"])
        context.metrics.gauge(event["page"]["page_title"], calls)
        return Skip(f"number {calls} " + "x" * 500)

    many = (EVENTS * 3)[:250]
    outputs = await run_enrichment(enrich, many)
    assert sum(outputs.skipped.values()) == sum(outputs.counted.values()) == len(many)
    assert len(outputs.skipped) <= MAX_VALUES + 1
    assert len(outputs.counted) <= MAX_VALUES + 1
    assert outputs.skipped["other"] == len(many) - MAX_VALUES
    assert max(map(len, outputs.skipped)) <= 64


async def test_exception_becomes_an_error_event() -> None:
    """It has the class, the message, the place in the user's own file, and the event as it came."""

    class NoSuchLetterError(Exception):
        pass

    async def enrich(event: Event, context: Context) -> Event:
        del context
        raise NoSuchLetterError(event["page"]["page_title"])

    outputs = await run_enrichment(enrich, EVENTS[:3])
    assert outputs.events == []
    assert [error["error_type"] for error in outputs.errors] == ["NoSuchLetterError"] * 3
    assert [error["message"] for error in outputs.errors] == [event["page"]["page_title"] for event in EVENTS[:3]]
    assert all("custom/test_job.py" in error["stack"] for error in outputs.errors)
    assert [orjson.loads(error["raw_event"]) for error in outputs.errors] == EVENTS[:3]


@pytest.mark.parametrize("returned", [None, 3, "event", [None], ({}, 1)])
async def test_result_that_is_not_an_event_is_an_error(returned: Any) -> None:
    """The message lists the allowed results."""

    async def enrich(event: Event, context: Context) -> Any:
        del event, context
        return returned

    (error,) = (await run_enrichment(enrich, EVENTS[:1])).errors
    assert error["error_type"] == "TypeError"
    assert "return an event, a list of events, or Skip" in error["message"]


async def test_invalid_event_of_a_function_is_an_error() -> None:
    """The message names the field that the schema of the sink requires."""

    async def enrich(event: Event, context: Context) -> Event:
        del context
        return {name: value for name, value in event.items() if name != "page_change_kind"}

    (error,) = (await run_enrichment(enrich, EVENTS[:1])).errors
    assert error["error_type"] == "InvalidOutput"
    assert "page_change_kind" in error["message"]


async def test_several_events_have_their_own_stable_ids() -> None:
    """Copies of one event must not look like repeats to consumers; a second run makes the same ids."""

    async def enrich(event: Event, context: Context) -> Sequence[Event]:
        del context
        return [event | {"comment": str(number)} for number in range(3)]

    first, second = [await run_enrichment(enrich, EVENTS[:5]) for _ in range(2)]
    ids = [event["meta"]["id"] for event in first.events]
    assert len(set(ids)) == 15
    assert ids == [event["meta"]["id"] for event in second.events]
    assert [event["comment"] for event in first.events] == ["0", "1", "2"] * 5
    assert {event["meta"]["domain"] for event in first.events} == {event["meta"]["domain"] for event in EVENTS[:5]}


async def test_empty_list_has_no_output() -> None:
    """There is neither an event nor an error."""

    async def enrich(event: Event, context: Context) -> list[Event]:
        del event, context
        return []

    assert await run_enrichment(enrich, EVENTS[:5]) == ([], [], {}, {})


async def test_new_event_belongs_to_the_wiki_of_its_source() -> None:
    """It gets an id, and the wiki and the request of the source."""

    async def enrich(event: Event, context: Context) -> Event:
        del context
        return {name: value for name, value in event.items() if name != "meta"}

    (made,) = (await run_enrichment(enrich, EVENTS[:1])).events
    source = EVENTS[0]["meta"]
    assert made["meta"]["id"] != source["id"]
    assert (made["meta"]["domain"], made["meta"]["request_id"]) == (source["domain"], source["request_id"])


async def test_content_is_that_of_the_main_job() -> None:
    """``with_content`` returns the event with bodies; ``revision`` returns the content itself, requested in batches."""
    texts = {
        (stored.wiki.wiki_id, stored.revision.rev_id): stored.revision.slots[0].text
        for stored in MADE.revisions()
        if stored.revision.visibility.content
    }

    async def enrich(event: Event, context: Context) -> Event:
        content = await context.revision(event)
        enriched = await context.with_content(event)
        if not content.hidden:
            assert enriched["revision"]["content_slots"]["main"]["content_body"] == content.slots["main"].body
        return enriched

    outputs = await run_enrichment(enrich, EDITS, wiki=WORLD)
    assert outputs.errors == []
    bodies = {
        (event["wiki_id"], event["revision"]["rev_id"]): event["revision"]["content_slots"]["main"]["content_body"]
        for event in outputs.events
        if "content_body" in event["revision"]["content_slots"]["main"]
    }
    assert bodies == {key: texts[key] for key in bodies}
    assert len(bodies) > len(EDITS) * 0.9


async def test_memory_wiki_may_have_any_domain() -> None:
    """The domain need not be one of Wikimedia's."""
    page, saved, own = Page(1, "Ash"), make_revision(5, "About ash trees."), Wiki("own", "my.wiki.example")
    world = MemoryDataset()
    world.put(own, page, saved)
    changes = [events.build_create(page, saved, envelope=events.Envelope(own))]

    async def enrich(event: Event, context: Context) -> Event:
        return await context.with_content(event)

    (made,) = (await run_enrichment(enrich, changes, wiki=world)).events
    assert made["revision"]["content_slots"]["main"]["content_body"] == "About ash trees."


async def test_any_query_can_be_sent() -> None:
    """The result is the document of the wiki."""

    async def enrich(event: Event, context: Context) -> Event:
        wiki = context.wiki(event["meta"]["domain"])
        site = await wiki.ask(meta="siteinfo", siprop=["general"])
        assert site["query"]["general"]["wikiid"] == event["wiki_id"]
        context.log.debug("asked", wiki=wiki.domain)
        return event

    outputs = await run_enrichment(enrich, EDITS, wiki=WORLD)
    assert (len(outputs.events), outputs.errors) == (len(EDITS), [])


async def test_failure_of_a_wiki_is_an_error_of_that_kind() -> None:
    """A missing revision and a forbidden wiki have the names of the failure table, and can be caught."""

    async def enrich(event: Event, context: Context) -> Event:
        with pytest.raises(FetchError, match="not in the list of allowed wikis"):
            context.wiki("169.254.169.254")
        return await context.with_content(event | {"revision": event["revision"] | {"rev_id": 999_999_999}})

    (error,) = (await run_enrichment(enrich, EDITS[:1], wiki=WORLD, configuration=WITHOUT_RETRIES)).errors
    assert error["error_type"] == "BadRevision"
    assert "stack" not in error


WITHOUT_RETRIES = {"enrich": {"retry": {"acceptable_lag": 0, "max_attempts": 1, "base_delay": 0.001}}}


async def test_function_beyond_its_timeout_is_cancelled() -> None:
    """The error event of its event names the setting that allows more; its own time-outs are its own errors."""

    async def hangs(event: Event, context: Context) -> Event:
        del context
        await asyncio.Event().wait()
        return event

    async def gives_up(event: Event, context: Context) -> Event:
        del event, context
        raise TimeoutError("the other service")

    (error,) = (await run_enrichment(hangs, EDITS[:1], configuration={"custom": {"timeout": 0.01}})).errors
    assert error["error_type"] == "TimeoutError"
    assert "custom.timeout" in error["message"]
    (error,) = (await run_enrichment(gives_up, EDITS[:1])).errors
    assert error["message"] == "the other service"


async def test_cancelled_function_becomes_an_error_event() -> None:
    """An unexpected cancellation becomes an error event like any other exception."""

    async def enrich(event: Event, context: Context) -> Event:
        del event, context
        raise asyncio.CancelledError

    (error,) = (await run_enrichment(enrich, EDITS[:1])).errors
    assert error["error_type"] == "CancelledError"


async def test_function_gets_its_settings() -> None:
    """They are the mapping under ``custom.settings``."""

    async def enrich(event: Event, context: Context) -> Event:
        return event | {"comment": context.settings["greeting"]}

    (made,) = (await run_enrichment(enrich, EDITS[:1], settings={"greeting": "hello"})).events
    assert made["comment"] == "hello"


def assembled(**source: str) -> CustomJob:
    """Return the job over an enrichment that returns its input."""

    async def enrich(event: Event, context: Context) -> Event:
        del context
        return event

    layer = Layer(values={"stream_manager": {"source": source}})
    job = assemble_custom(load([Layer(values=dict(DEFAULTS)), layer]).configuration, RecordingMeter(), enrich).job
    assert isinstance(job, CustomJob)
    return job


def test_order_is_kept_within_the_key_of_the_source() -> None:
    """Two events of one page have the same key, whatever the function returns."""
    job = assembled(connector="file", options={"path": "-"})  # type: ignore[arg-type]

    def key(event: Event) -> object:
        return job.plan(Record(orjson.dumps(event), None, None, Partition("t"), 0)).key

    assert key(EVENTS[0]) == key(EVENTS[0]) is not None
    assert key(EVENTS[0]) != key(EVENTS[0] | {"wiki_id": "otherwiki"})


def test_enrichments_from_kafka_need_different_names() -> None:
    """Each needs its own job name or consumer group, or else they would share the events."""
    with pytest.raises(ConfigError, match="job_name"):
        assembled(connector="kafka", options={"bootstrap_servers": "h:1"})  # type: ignore[arg-type]
    assembled(connector="kafka", options={"bootstrap_servers": "h:1", "consumer_group": "mine"})  # type: ignore[arg-type]


async def test_close_abandons_pending_events() -> None:
    """No output is emitted after it, so nothing is written that was not committed."""
    emitted: list[list[Output]] = []
    started = asyncio.Event()

    async def enrich(event: Event, context: Context) -> Event:
        del context
        started.set()
        await asyncio.Event().wait()
        return event

    layer = Layer(values={"stream_manager": {"source": {"connector": "file", "options": {"path": "-"}}}})
    meter = RecordingMeter()
    job = assemble_custom(load([Layer(values=dict(DEFAULTS)), layer]).configuration, meter, enrich).job
    await job.open()
    job.execute(job.plan(Record(orjson.dumps(EDITS[0]), None, None, Partition("t"), 0)), emitted.append)
    await started.wait()
    await job.close()
    assert emitted == []
    assert meter.total(metrics.EVENTS_ERRORS) == 0
