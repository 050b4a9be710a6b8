"""A stream of changes that must survive crashes, the members of the group that enriches it, and what must hold of it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self
from uuid import uuid4

import orjson
from tests.e2e import topics
from tests.e2e.support import COMMAND, OLD, PATIENCE, assert_errors_hold, body_of, change, line, now, settings

from wikistate.testing import corpus
from wikistate.testing.faults import Absent, Rule
from wikistate.testing.processes import Process, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from random import Random

    from tests.e2e.support import Event
    from tests.e2e.topics import Found, Place

    from wikistate.testing.broker import KafkaBroker

BODY_BYTES = 200
PARTITIONS = 4
EVENTS_OF_A_PAGE = 20
WIKIS = [corpus.wikis()[name] for name in ("enwiki", "dewiki", "wikidatawiki")]
POISON = re.compile(r"no JSON, number (\d+)")


class Change(NamedTuple):
    """One event of the stream; its number is that of its revision, and grows within its page."""

    number: int
    page: bytes
    line: bytes


class Composed(NamedTuple):
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


def compose(count: int, rng: Random) -> Composed:
    """Changes of many pages of three wikis: some are poison, some unknown to the wiki, some not yet replicated."""
    moment = now()
    changes, poison, unknown, lagging = list[Change](), set[int](), set[int](), set[int]()
    for number in range(1, count + 1):
        match rng.randrange(50):
            case 0:
                poison.add(number)
            case 1:
                unknown.add(number)
            case 2:
                lagging.add(number)
        page_id = rng.randrange(1, count // EVENTS_OF_A_PAGE)
        wiki = WIKIS[page_id % len(WIKIS)]
        event = change(number, page_id=page_id, wiki=wiki, dt=OLD if number in unknown else moment)
        written = f"no JSON, number {number}".encode() if number in poison else line(event)
        changes.append(Change(number, orjson.dumps({"wiki_id": wiki.wiki_id, "page_id": page_id}), written))
    rules = [Rule(Absent(), revisions=frozenset(unknown)), Rule(Absent(asks=2), revisions=frozenset(lagging))]
    return Composed(changes, poison, unknown, rules)


@dataclass
class KillStream:
    """The stream in a broker.

    Attributes:
        broker: Where the topics are.
        composed: What is in the source topic.
        api: URL of the wikis' Action API.
        guarantee: Under which the members deliver.
        folder: For their logs.
        source: The topic that is read.
        sink: The topic of enriched events.
        errors: The topic of error events.
        quick: Whether the broker notices within seconds that a member is gone, and not after Kafka's usual time.
        places: Where each change stands in the source, by its number.
        members: All that were started.
    """

    broker: KafkaBroker
    composed: Composed
    api: str
    guarantee: str
    folder: Path
    source: str
    sink: str
    errors: str
    quick: bool = True
    places: dict[int, Place] = field(default_factory=dict)
    members: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what a test that failed has left."""
        for member in self.members:
            member.kill()

    @classmethod
    def written(
        cls,
        broker: KafkaBroker,
        composed: Composed,
        *,
        api: str,
        guarantee: str,
        folder: Path,
        quick: bool = True,
    ) -> KillStream:
        """Make the topics and write the whole stream."""
        source, sink, errors = (
            broker.create_topic(f"{role}.{uuid4()}", partitions=partitions)
            for role, partitions in (("source", PARTITIONS), ("sink", PARTITIONS - 1), ("errors", 1))
        )
        places = topics.produce(broker, source, [(each.page, each.line) for each in composed.changes])
        stream = cls(broker, composed, api, guarantee, folder, source, sink, errors, quick)
        stream.places = {each.number: place for each, place in zip(composed.changes, places, strict=True)}
        return stream

    @property
    def group(self) -> str:
        """The consumer group of the members."""
        return f"group.{self.source}"

    def member(self, name: str, *, bounded: bool = False, static: bool = True) -> Process:
        """Start a member of the group.

        Args:
            name: Tells members apart, and stays the same when one is started again.
            bounded: End at the end of the topic as it is.
            static: The broker knows the member again when it comes back, and gives it its partitions at once. Otherwise it
                waits for the session of the one that was killed to time out.
        """
        url = f"kafka://{self.broker.bootstrap_servers}"
        end = "&end=latest" if bounded else ""
        session = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"} if self.quick else {}
        words = settings(
            stream_manager__source__options__properties=session | ({"group.instance.id": name} if static else {}),
            stream_manager__sink__options__delivery_guarantee=self.guarantee,
            stream_manager__sink__options__properties={"transaction.timeout.ms": "10000"} if self.quick else {},
            enrich__mediawiki_api_endpoint_template=self.api,
            enrich__batch_size=10,
            enrich__retry={"base_delay": 0.05, "acceptable_lag": 3600},
            farms__own__rate=80,
            local__instance=name,
            local__commit_interval=0.05,
            local__max_in_flight_events=200,
        )
        ends = ["--source", f"{url}/{self.source}?group={self.group}&start=earliest{end}"]
        ends += ["--sink", f"{url}/{self.sink}", "--error-sink", f"{url}/{self.errors}"]
        self.members.append(Process([*COMMAND, *ends, *words], log=self.folder / f"{name}.log"))
        return self.members[-1]

    def finish(self) -> int:
        """Run a member to the end of the topic; its exit code."""
        member = self.member("a", bounded=True)
        wait_until(lambda: not member.running)
        return member.kill()  # it has ended: this tells how

    def progress(self) -> int:
        """How many records the outputs have."""
        return topics.count(self.broker, self.sink, self.errors)

    def wait_for_growth(self, records: int, *members: Process) -> None:
        """Wait until the outputs have so many records more, as long as these members live."""
        goal = self.progress() + records
        wait_until(lambda: self.progress() >= goal, *members)

    def seen(self) -> dict[str, list[Found]]:
        """The records of both outputs, as a reader of committed records sees them."""
        return {name: topics.read(self.broker, name) for name in (self.sink, self.errors)}

    def numbers(self) -> list[int]:
        """The numbers of the changes that are out, as often as they are."""
        return [number_of(found) for records in self.seen().values() for found in records]

    def committed_numbers(self) -> set[int]:
        """The numbers of the changes that are done, as the group's committed offsets have it."""
        offsets = topics.committed(self.broker, self.group, self.source)
        return {number for number, place in self.places.items() if place.offset < offsets[place.partition]}

    def assert_commits_cover_only_what_is_out(self) -> None:
        """No committed offset is beyond a change that is in neither output."""
        done = self.committed_numbers()
        wait_until(lambda: done <= set(self.numbers()))  # a transaction's end reaches its topics one after the other

    def wait_until_all_out(self, *members: Process) -> None:
        """Wait until every change is in an output."""
        wait_until(lambda: len(set(self.numbers())) == len(self.composed.changes), *members)

    def assert_all_out(self) -> None:
        """Every change is in the output where it belongs, and what is there is right."""
        seen = self.seen()
        if self.guarantee == "EXACTLY_ONCE":
            assert len(self.numbers()) == len(self.composed.changes)
        enriched, refused = (set(map(number_of, seen[name])) for name in (self.sink, self.errors))
        assert refused == self.composed.poison | self.composed.unknown
        assert enriched == {each.number for each in self.composed.changes} - refused
        assert {len(body_of(event_of(found))) for found in seen[self.sink]} == {BODY_BYTES}
        given = [each.line for each in self.composed.changes]
        assert_errors_hold([event_of(found) for found in seen[self.errors]], given)

    def assert_order(self, *, restarts: int) -> None:
        """Nothing overtakes within its page.

        Exactly once: each change is there once, and a page's are in their order. At least once: a restart goes on at a
        committed prefix, so that a page's changes are runs in their order, at most one more than there were restarts.
        No run leaves anything out: no change comes for the first time after a later one of its page. What is no event
        belongs to no page that anybody could know.
        """
        falls = 0 if self.guarantee == "EXACTLY_ONCE" else restarts
        for records in self.seen().values():
            for page, numbers in self._by_page(map(number_of, records)).items():
                firsts = list(dict.fromkeys(numbers))
                assert firsts == sorted(firsts), page
                assert sum(later <= earlier for earlier, later in pairwise(numbers)) <= falls, page

    def _by_page(self, numbers: Iterable[int]) -> dict[bytes, list[int]]:
        page = {each.number: each.page for each in self.composed.changes if each.number not in self.composed.poison}
        pages: dict[bytes, list[int]] = {}
        for number in numbers:
            if number in page:
                pages.setdefault(page[number], []).append(number)
        return pages


def number_of(found: Found) -> int:
    """The number of the change that an enriched event or an error event is about."""
    event = event_of(found)
    if "raw_event" in event:
        raw: str = event["raw_event"]
        if poison := POISON.fullmatch(raw):
            return int(poison[1])
        event = orjson.loads(raw)
    number: int = event["revision"]["rev_id"]
    return number


def event_of(found: Found) -> Event:
    """The event of a record."""
    assert found.value is not None
    event: Event = orjson.loads(found.value)
    return event


def wait_until(reached: Callable[[], bool], *members: Process) -> None:
    """Wait for something that must come, as long as all members live."""
    give_up = time.monotonic() + PATIENCE
    while not reached():
        for member in members:
            assert member.running, tail(member.log)
        assert time.monotonic() < give_up, [tail(member.log) for member in members]
        time.sleep(0.02)
