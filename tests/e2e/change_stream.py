"""A stream of changes that must survive crashes: its content, its topics, and assertions about the outputs."""

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
    """Event of the stream; its number is that of its revision, and grows within its page."""

    number: int
    page: bytes
    line: bytes


class ComposedStream(NamedTuple):
    """A composed stream.

    Attributes:
        changes: The changes in their order.
        poison: Numbers of the records that are not events.
        unknown: Numbers of the changes whose revision does not exist on any wiki.
        rules: Faults that the wikis apply to some of the revisions.
    """

    changes: list[Change]
    poison: set[int]
    unknown: set[int]
    rules: list[Rule]


def compose(count: int, rng: Random) -> ComposedStream:
    """Make changes of many pages of three wikis: some are poison, some unknown to the wiki, some not yet replicated."""
    now = current_time()
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
        event = build_change(number, page_id=page_id, wiki=wiki, dt=OLD if number in unknown else now)
        written = f"no JSON, number {number}".encode() if number in poison else encode_line(event)
        changes.append(Change(number, orjson.dumps({"wiki_id": wiki.wiki_id, "page_id": page_id}), written))
    rules = [
        Rule(MissingRevision(), revisions=frozenset(unknown)),
        Rule(MissingRevision(asks=2), revisions=frozenset(lagging)),
    ]
    return ComposedStream(changes, poison, unknown, rules)


@dataclass(kw_only=True)
class ChangeStream:
    """A stream that is written whole into a broker at the start, with the outputs that a job writes from it.

    Attributes:
        broker: The broker of the topics.
        composed: Content of the source topic.
        api: URL of the wikis' Action API.
        guarantee: Delivery guarantee of the job.
        folder: Folder for its logs and state.
        partitions: Number of partitions of the source topic.
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
        positions = topics.produce(self.broker, self.source, [(each.page, each.line) for each in self.composed.changes])
        self.positions = {
            each.number: position for each, position in zip(self.composed.changes, positions, strict=True)
        }

    @property
    def group(self) -> str:
        """The consumer group of the job."""
        return f"group.{self.source}"

    def arguments(self, *, rate: int, end: str = "", **values: object) -> list[str]:
        """Return the arguments of the job's command line, the same for each runner.

        Args:
            rate: Requests a second to the wikis, for ten revisions each; slow enough for a kill to fall in the middle.
            end: Position at which the source ends; the source is unbounded by default.
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
        """Return the number of records in the outputs, with those of open and aborted transactions."""
        return topics.count_records(self.broker, self.sink, self.errors)

    def make_growth_check(self, records: int) -> Callable[[], bool]:
        """Return a check for so many additional records in the outputs, or for all records if fewer are left."""
        goal = min(self.count_outputs() + records, len(self.composed.changes))
        return lambda: self.count_outputs() >= goal

    def read_outputs(self) -> dict[str, list[TopicRecord]]:
        """Return the records of both outputs, as a consumer of committed records sees them."""
        return {name: topics.read_topic(self.broker, name) for name in (self.sink, self.errors)}

    def read_numbers(self) -> list[int]:
        """Return the numbers of the changes in the outputs; a repeated change is listed again."""
        return [number_of(found) for records in self.read_outputs().values() for found in records]

    def is_complete(self) -> bool:
        """Return whether each change is in an output."""
        wanted = len(self.composed.changes)
        return (
            self.count_outputs() >= wanted and len(set(self.read_numbers())) == wanted
        )  # a count is cheap, a read is not

    def read_committed_numbers(self) -> set[int]:
        """Return the numbers of the changes before the group's committed offsets."""
        offsets = topics.committed_offsets(self.broker, self.group, self.source)
        return {number for number, position in self.positions.items() if position.offset < offsets[position.partition]}

    def assert_complete(self) -> None:
        """Assert that each change is in the right output, and that the outputs are right."""
        seen = self.read_outputs()
        if self.guarantee == "EXACTLY_ONCE":
            assert len(self.read_numbers()) == len(self.composed.changes)
        enriched, failed = (set(map(number_of, seen[name])) for name in (self.sink, self.errors))
        assert failed == self.composed.poison | self.composed.unknown
        assert enriched == {each.number for each in self.composed.changes} - failed
        assert {len(body_of(event_of(found))) for found in seen[self.sink]} == {BODY_BYTES}
        given = [each.line for each in self.composed.changes]
        assert_errors_contain([event_of(found) for found in seen[self.errors]], given)

    def assert_order(self, *, restarts: int) -> None:
        """Assert that no change overtakes another change of its page.

        Exactly once: each change is there once, and those of a page are in their order. At least once: a restart
        resumes at a committed prefix, so that the changes of a page are runs in their order, at most one run more than
        there were restarts. No run leaves a change out: no change appears for the first time after a later one of its
        page. A record that is not an event does not belong to a known page.
        """
        repeats = 0 if self.guarantee == "EXACTLY_ONCE" else restarts
        for records in self.read_outputs().values():
            for page, numbers in self._group_by_page(map(number_of, records)).items():
                firsts = list(dict.fromkeys(numbers))
                assert firsts == sorted(firsts), page
                assert sum(later <= earlier for earlier, later in pairwise(numbers)) <= repeats, page

    def _group_by_page(self, numbers: Iterable[int]) -> dict[bytes, list[int]]:
        page = {each.number: each.page for each in self.composed.changes if each.number not in self.composed.poison}
        pages: dict[bytes, list[int]] = {}
        for number in numbers:
            if number in page:
                pages.setdefault(page[number], []).append(number)
        return pages


def number_of(found: TopicRecord) -> int:
    """Return the number of the change that an enriched event or an error event is about."""
    event = event_of(found)
    if "raw_event" in event:
        raw: str = event["raw_event"]
        if poison := POISON.fullmatch(raw):
            return int(poison[1])
        event = orjson.loads(raw)
    number: int = event["revision"]["rev_id"]
    return number


def event_of(found: TopicRecord) -> Event:
    """Return the event of a record."""
    assert found.value is not None
    event: Event = orjson.loads(found.value)
    return event
