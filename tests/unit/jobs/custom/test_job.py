"""An enrichment of the user's own: what it may return and raise, what it is given, what becomes of it all."""

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


async def test_an_event_that_is_returned_goes_to_the_sink() -> None:
    """Stamped and valid; what the function left alone is as it was."""

    async def enrich(event: Event, context: Context) -> Event:
        assert context.settings == {}
        return event | {"comment": "seen"}

    outputs = await run_enrichment(enrich, EVENTS)
    assert [event["comment"] for event in outputs.events] == ["seen"] * len(EVENTS)
    assert [event["meta"]["id"] for event in outputs.events] == [event["meta"]["id"] for event in EVENTS]
    assert {event["meta"]["stream"] for event in outputs.events} == {"custom_enriched.v1"}


@pytest.mark.parametrize("raised", [True, False])
async def test_what_is_skipped_is_counted_by_its_reason(raised: bool) -> None:  # noqa: FBT001
    """Whether it is raised or returned; it is no output and no error."""

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


async def test_reasons_and_names_are_bounded() -> None:
    """What code that somebody else wrote puts into labels: beyond a hundred it is one, and nothing is uncounted."""
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


async def test_what_it_raises_becomes_an_error_event() -> None:
    """With the class, the message, the place in the user's own file, and the event as it came."""

    class NoSuchLetterError(Exception):
        pass

    async def enrich(event: Event, context: Context) -> Event:
        del context
        raise NoSuchLetterError(event["page"]["page_title"])

    outputs = await run_enrichment(enrich, EVENTS[:3])
    assert outputs.events == []
    assert [error["error_type"] for error in outputs.errors] == ["NoSuchLetterError"] * 3
    assert [error["message"] for error in outputs.errors] == [event["page"]["page_title"] for event in EVENTS[:3]]
    assert all("test_job.py" in error["stack"] for error in outputs.errors)
    assert [orjson.loads(error["raw_event"]) for error in outputs.errors] == EVENTS[:3]


@pytest.mark.parametrize("returned", [None, 3, "event", [None], ({}, 1)])
async def test_what_is_no_event_is_an_error(returned: Any) -> None:
    """It says what may be returned."""

    async def enrich(event: Event, context: Context) -> Any:
        del event, context
        return returned

    (error,) = (await run_enrichment(enrich, EVENTS[:1])).errors
    assert error["error_type"] == "TypeError"
    assert "return an event, a list of events, or Skip" in error["message"]


async def test_an_event_that_is_not_valid_is_an_error() -> None:
    """It says what the schema of the sink misses."""

    async def enrich(event: Event, context: Context) -> Event:
        del context
        return {name: value for name, value in event.items() if name != "page_change_kind"}

    (error,) = (await run_enrichment(enrich, EVENTS[:1])).errors
    assert error["error_type"] == "InvalidOutput"
    assert "page_change_kind" in error["message"]


async def test_several_events_have_ids_of_their_own_that_stay_the_same() -> None:
    """Copies of one event must not look like one event to those who drop repeats; a second run makes the same ids."""

    async def enrich(event: Event, context: Context) -> Sequence[Event]:
        del context
        return [event | {"comment": str(number)} for number in range(3)]

    first, again = [await run_enrichment(enrich, EVENTS[:5]) for _ in range(2)]
    ids = [event["meta"]["id"] for event in first.events]
    assert len(set(ids)) == 15
    assert ids == [event["meta"]["id"] for event in again.events]
    assert [event["comment"] for event in first.events] == ["0", "1", "2"] * 5
    assert {event["meta"]["domain"] for event in first.events} == {event["meta"]["domain"] for event in EVENTS[:5]}


async def test_an_empty_list_is_no_output() -> None:
    """Neither an event nor an error."""

    async def enrich(event: Event, context: Context) -> list[Event]:
        del event, context
        return []

    assert await run_enrichment(enrich, EVENTS[:5]) == ([], [], {}, {})


async def test_a_new_event_belongs_to_the_wiki_of_its_source() -> None:
    """It gets an id, and names wiki and request as the source does."""

    async def enrich(event: Event, context: Context) -> Event:
        del context
        return {name: value for name, value in event.items() if name != "meta"}

    (made,) = (await run_enrichment(enrich, EVENTS[:1])).events
    source = EVENTS[0]["meta"]
    assert made["meta"]["id"] != source["id"]
    assert (made["meta"]["domain"], made["meta"]["request_id"]) == (source["domain"], source["request_id"])


async def test_content_is_what_the_main_job_folds_in() -> None:
    """``with_content`` gives the event with bodies; ``revision`` the content itself, asked for in batches."""
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


async def test_a_wiki_of_ones_own_can_stand_in() -> None:
    """Its domain need not be one of Wikimedia's."""
    page, saved, own = Page(1, "Ash"), make_revision(5, "About ash trees."), Wiki("own", "my.wiki.example")
    world = MemoryDataset()
    world.put(own, page, saved)
    changes = [events.build_create(page, saved, envelope=events.Envelope(own))]

    async def enrich(event: Event, context: Context) -> Event:
        return await context.with_content(event)

    (made,) = (await run_enrichment(enrich, changes, wiki=world)).events
    assert made["revision"]["content_slots"]["main"]["content_body"] == "About ash trees."


async def test_any_query_can_be_asked() -> None:
    """The document is the wiki's."""

    async def enrich(event: Event, context: Context) -> Event:
        wiki = context.wiki(event["meta"]["domain"])
        site = await wiki.ask(meta="siteinfo", siprop=["general"])
        assert site["query"]["general"]["wikiid"] == event["wiki_id"]
        context.log.debug("asked", wiki=wiki.domain)
        return event

    outputs = await run_enrichment(enrich, EDITS, wiki=WORLD)
    assert (len(outputs.events), outputs.errors) == (len(EDITS), [])


async def test_what_a_wiki_does_not_give_is_an_error_of_that_kind() -> None:
    """A revision that is not there, a wiki that is not allowed: named as in the failure table, and can be caught."""

    async def enrich(event: Event, context: Context) -> Event:
        with pytest.raises(FetchError, match="not in the list of allowed wikis"):
            context.wiki("169.254.169.254")
        return await context.with_content(event | {"revision": event["revision"] | {"rev_id": 999_999_999}})

    (error,) = (await run_enrichment(enrich, EDITS[:1], wiki=WORLD, configuration=IMPATIENT)).errors
    assert error["error_type"] == "BadRevision"
    assert "stack" not in error


IMPATIENT = {"enrich": {"retry": {"acceptable_lag": 0, "max_attempts": 1, "base_delay": 0.001}}}


async def test_a_function_that_takes_too_long_is_cut_off() -> None:
    """Its event goes to the error stream and says which setting allows more; its own time-outs are its own."""

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


async def test_a_function_that_cancels_itself_loses_nothing() -> None:
    """A stray cancellation is an error event like any other."""

    async def enrich(event: Event, context: Context) -> Event:
        del event, context
        raise asyncio.CancelledError

    (error,) = (await run_enrichment(enrich, EDITS[:1])).errors
    assert error["error_type"] == "CancelledError"


async def test_settings_reach_the_function() -> None:
    """As they stand under ``custom.settings``."""

    async def enrich(event: Event, context: Context) -> Event:
        return event | {"comment": context.settings["greeting"]}

    (made,) = (await run_enrichment(enrich, EDITS[:1], settings={"greeting": "hello"})).events
    assert made["comment"] == "hello"


def assembled(**source: str) -> CustomJob:
    """The job over an enrichment that returns what it is given."""

    async def enrich(event: Event, context: Context) -> Event:
        del context
        return event

    layer = Layer(values={"stream_manager": {"source": source}})
    job = assemble_custom(load([Layer(values=dict(DEFAULTS)), layer]).configuration, RecordingMeter(), enrich).job
    assert isinstance(job, CustomJob)
    return job


def test_order_is_kept_within_the_key_of_the_source() -> None:
    """Two events of one page have the same; whatever the function makes of them."""
    job = assembled(connector="file", options={"path": "-"})  # type: ignore[arg-type]

    def key(event: Event) -> object:
        return job.plan(Record(orjson.dumps(event), None, None, Partition("t"), 0)).key

    assert key(EVENTS[0]) == key(EVENTS[0]) is not None
    assert key(EVENTS[0]) != key(EVENTS[0] | {"wiki_id": "otherwiki"})


def test_enrichments_under_one_name_would_share_their_events() -> None:
    """So from Kafka, each must have a name, or a group, of its own."""
    with pytest.raises(ConfigError, match="job_name"):
        assembled(connector="kafka", options={"bootstrap_servers": "h:1"})  # type: ignore[arg-type]
    assembled(connector="kafka", options={"bootstrap_servers": "h:1", "consumer_group": "mine"})  # type: ignore[arg-type]


async def test_closing_abandons_what_is_under_way() -> None:
    """No output is told after it, so that nothing is written that was not committed."""
    told: list[list[Output]] = []
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
    job.execute(job.plan(Record(orjson.dumps(EDITS[0]), None, None, Partition("t"), 0)), told.append)
    await started.wait()
    await job.close()
    assert told == []
    assert meter.total(metrics.EVENTS_ERRORS) == 0
