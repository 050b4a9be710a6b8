"""A stream of changes that must survive crashes: what is in it, its topics, and what must hold of the outputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import orjson
from tests.e2e.enrichment_job import (
    OLD,
    assert_errors_contain,
    body_of,
    build_change,
    current_time,
    encode_line,
    setting_arguments,
)
from tests.support import topics

from wikistate.demo import corpus
from wikistate.testing.faults import MissingRevision, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from random import Random

    from tests.e2e.enrichment_job import Event
    from tests.support.broker import KafkaBroker
    from tests.support.topics import TopicRecord

BODY_BYTES = 200
EVENTS_PER_PAGE = 20
WIKIS = [corpus.load_wikis()[name] for name in ("enwiki", "dewiki", "wikidatawiki")]
POISON = re.compile(r"no JSON, number (\d+)")


class Change(NamedTuple):
    """One event of the stream; its number is that of its revision, and grows within its page."""

    number: int
    page: bytes
    line: bytes


class ComposedStream(NamedTuple):
    """A stream.

    Attributes:
        changes: In their order.
        poison: The numbers of those that are no events.
        unknown: The numbers of those whose revision no wiki knows.
        rules: What the wikis do to some of the revisions.
    """

    changes: list[Change]
    poison: set[int]
    unknown: set[int]
    rules: list[Rule]


def compose(count: int, rng: Random) -> ComposedStream:
    """Changes of many pages of three wikis: some are poison, some unknown to the wiki, some not yet replicated."""
    moment = current_time()
    changes, poison, unknown, lagging = list[Change](), set[int](), set[int](), set[int]()
    for number in range(1, count + 1):
        match rng.randrange(50):
            case 0:
                poison.add(number)
            case 1:
                unknown.add(number)
            case 2:
                lagging.add(number)
        page_id = rng.randrange(1, count // EVENTS_PER_PAGE)
        wiki = WIKIS[page_id % len(WIKIS)]
        event = build_change(number, page_id=page_id, wiki=wiki, dt=OLD if number in unknown else moment)
        written = f"no JSON, number {number}".encode() if number in poison else encode_line(event)
        changes.append(Change(number, orjson.dumps({"wiki_id": wiki.wiki_id, "page_id": page_id}), written))
    rules = [
        Rule(MissingRevision(), revisions=frozenset(unknown)),
        Rule(MissingRevision(asks=2), revisions=frozenset(lagging)),
    ]
    return ComposedStream(changes, poison, unknown, rules)


@dataclass(kw_only=True)
class ChangeStream:
    """The stream in a broker, written whole when this is made, and what a job makes of it.

    Attributes:
        broker: Where the topics are.
        composed: What is in the source topic.
        api: URL of the wikis' Action API.
        guarantee: Under which the job delivers.
        folder: For its logs and what it keeps.
        partitions: How many the source has.
    """

    broker: KafkaBroker
    composed: ComposedStream
    api: str
    guarantee: str
    folder: Path
    partitions: int = 4

    def __post_init__(self) -> None:
        self.source, self.sink, self.errors = (
            self.broker.create_topic(f"{role}.{uuid4()}", partitions=partitions)
            for role, partitions in (("source", self.partitions), ("sink", 3), ("errors", 1))
        )
        places = topics.produce(self.broker, self.source, [(each.page, each.line) for each in self.composed.changes])
        self.places = {each.number: place for each, place in zip(self.composed.changes, places, strict=True)}

    @property
    def group(self) -> str:
        """The consumer group of the job."""
        return f"group.{self.source}"

    def arguments(self, *, rate: int, end: str = "", **values: object) -> list[str]:
        """What the job's command line says, under any runner.

        Args:
            rate: Requests a second to the wikis, for ten revisions each; slow enough for a kill to fall in the middle.
            end: Where the source ends; nowhere by default.
            values: Settings, see `settings`.
        """
        url = f"kafka://{self.broker.bootstrap_servers}"
        bound = f"&end={end}" if end else ""
        return [
            *("--source", f"{url}/{self.source}?group={self.group}&start=earliest{bound}"),
            *("--sink", f"{url}/{self.sink}", "--error-sink", f"{url}/{self.errors}"),
            *setting_arguments(
                stream_manager__sink__options__delivery_guarantee=self.guarantee,
                enrich__mediawiki_api_endpoint_template=self.api,
                enrich__batch_size=10,
                enrich__retry={"base_delay": 0.05, "acceptable_lag": 3600},
                farms__own__rate=rate,
                local__max_in_flight_events=200,
                **values,
            ),
        ]

    def count_outputs(self) -> int:
        """How many records the outputs have, those of open and aborted transactions included."""
        return topics.count_records(self.broker, self.sink, self.errors)

    def make_growth_check(self, records: int) -> Callable[[], bool]:
        """Says whether the outputs have so many records more than now, or everything is out: more need not come."""
        goal = min(self.count_outputs() + records, len(self.composed.changes))
        return lambda: self.count_outputs() >= goal

    def read_outputs(self) -> dict[str, list[TopicRecord]]:
        """The records of both outputs, as a reader of committed records sees them."""
        return {name: topics.read_topic(self.broker, name) for name in (self.sink, self.errors)}

    def count_numbers(self) -> list[int]:
        """The numbers of the changes that are out, as often as they are."""
        return [number_of(found) for records in self.read_outputs().values() for found in records]

    def is_complete(self) -> bool:
        """Whether every change is in an output."""
        wanted = len(self.composed.changes)
        return (
            self.count_outputs() >= wanted and len(set(self.count_numbers())) == wanted
        )  # to count is cheap, to read is not

    def read_committed_numbers(self) -> set[int]:
        """The numbers of the changes that are done, as the group's committed offsets have it."""
        offsets = topics.committed_offsets(self.broker, self.group, self.source)
        return {number for number, place in self.places.items() if place.offset < offsets[place.partition]}

    def assert_complete(self) -> None:
        """Every change is in the output where it belongs, and what is there is right."""
        seen = self.read_outputs()
        if self.guarantee == "EXACTLY_ONCE":
            assert len(self.count_numbers()) == len(self.composed.changes)
        enriched, refused = (set(map(number_of, seen[name])) for name in (self.sink, self.errors))
        assert refused == self.composed.poison | self.composed.unknown
        assert enriched == {each.number for each in self.composed.changes} - refused
        assert {len(body_of(event_of(found))) for found in seen[self.sink]} == {BODY_BYTES}
        given = [each.line for each in self.composed.changes]
        assert_errors_contain([event_of(found) for found in seen[self.errors]], given)

    def assert_order(self, *, restarts: int) -> None:
        """Nothing overtakes within its page.

        Exactly once: each change is there once, and a page's are in their order. At least once: a restart goes on at a
        committed prefix, so that a page's changes are runs in their order, at most one more than there were restarts.
        No run leaves anything out: no change comes for the first time after a later one of its page. What is no event
        belongs to no page that anybody could know.
        """
        falls = 0 if self.guarantee == "EXACTLY_ONCE" else restarts
        for records in self.read_outputs().values():
            for page, numbers in self._group_by_page(map(number_of, records)).items():
                firsts = list(dict.fromkeys(numbers))
                assert firsts == sorted(firsts), page
                assert sum(later <= earlier for earlier, later in pairwise(numbers)) <= falls, page

    def _group_by_page(self, numbers: Iterable[int]) -> dict[bytes, list[int]]:
        page = {each.number: each.page for each in self.composed.changes if each.number not in self.composed.poison}
        pages: dict[bytes, list[int]] = {}
        for number in numbers:
            if number in page:
                pages.setdefault(page[number], []).append(number)
        return pages


def number_of(found: TopicRecord) -> int:
    """The number of the change that an enriched event or an error event is about."""
    event = event_of(found)
    if "raw_event" in event:
        raw: str = event["raw_event"]
        if poison := POISON.fullmatch(raw):
            return int(poison[1])
        event = orjson.loads(raw)
    number: int = event["revision"]["rev_id"]
    return number


def event_of(found: TopicRecord) -> Event:
    """The event of a record."""
    assert found.value is not None
    event: Event = orjson.loads(found.value)
    return event
