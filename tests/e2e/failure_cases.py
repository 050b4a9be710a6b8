"""One row of the failure table, done to one revision of a wiki; and all of them in one run of the job."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING

from tests.e2e.enrichment_job import (
    OLD,
    Event,
    JobResult,
    body_of,
    build_change,
    build_page,
    build_revision,
    encode_line,
    run_over_file,
    setting_arguments,
)

from wikistate.demo.pages import Flaw, Wiki, make_slot
from wikistate.testing.faults import Fault, MissingRevision, Rule
from wikistate.testing.wiki.datasets import MemoryDataset
from wikistate.testing.wiki.request_log import RequestLog
from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from wikistate.demo.pages import Revision


class RetryExpectation(Enum):
    """Whether the table has a failure asked for again."""

    NO = "only for each split of its batch, since it may have been somebody else's fault"
    NO_BY_NAME = "not even then, since the answer names the revision"
    YES = "until the limit"
    YOUNG = "until the event is old"


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A row of the table.

    Attributes:
        name: For the test's name.
        action: What the wiki does; None where the revision itself is damaged.
        retried: What the table says.
        error_type: Of the error event at the end.
        flaw: The damage.
    """

    name: str
    action: Fault | None
    retried: RetryExpectation
    error_type: str
    flaw: Flaw | None = None


class TimedRequestLog(RequestLog):
    """Counts, and remembers when each revision was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: dict[int, list[float]] = {}

    def record_revisions(self, wiki_id: str, rev_ids: Collection[int]) -> None:
        """It asks for these, now."""
        super().record_revisions(wiki_id, rev_ids)
        for rev_id in rev_ids:
            self.moments.setdefault(rev_id, []).append(monotonic())


@dataclass(slots=True)
class FailureCase:
    """One row, done to one revision of a wiki that has an address, and so limits, of its own.

    Attributes:
        row: The row.
        number: Of the case; no two in a run have the same.
        times: How often it is done; None for ever.
        neighbours: How many well revisions are asked for together with the bad one.
        dt: The time of the events.
        request_log: What the wiki counted.
        enriched: What came out of it, when the run is over.
        errors: Its events on the error stream, when the run is over.
    """

    row: FailureRow
    number: int
    times: int | None = None
    neighbours: int = 0
    dt: str = OLD
    request_log: TimedRequestLog = field(default_factory=TimedRequestLog)
    enriched: list[Event] = field(default_factory=list)
    errors: list[Event] = field(default_factory=list)

    @property
    def wiki(self) -> Wiki:
        """The wiki."""
        return Wiki(f"wiki{self.number}", f"wiki{self.number}.example")

    @property
    def rev_ids(self) -> list[int]:
        """Its revisions in the order of their events."""
        return [self.number * 1000 + position for position in range(1, self.neighbours + 2)]

    @property
    def failing_revision(self) -> int:
        """The revision that the row is done to: in the middle of its neighbours."""
        return self.rev_ids[self.neighbours // 2]

    @property
    def neighbour_revisions(self) -> list[int]:
        """Its neighbours."""
        return [rev_id for rev_id in self.rev_ids if rev_id != self.failing_revision]

    @property
    def lines(self) -> list[bytes]:
        """The changes."""
        return [encode_line(build_change(rev_id, wiki=self.wiki, dt=self.dt)) for rev_id in self.rev_ids]

    @property
    def bodies(self) -> dict[int, str]:
        """The content of each revision that came out enriched."""
        return {event["revision"]["rev_id"]: body_of(event) for event in self.enriched}

    @property
    def count_requests(self) -> int:
        """How often the bad revision was asked for, by the wiki's count."""
        return self.request_log.count_requests(self.failing_revision)

    @property
    def retry_delays(self) -> list[float]:
        """Seconds between any two times after each other that the bad revision was asked for."""
        return [later - earlier for earlier, later in pairwise(self.request_log.moments[self.failing_revision])]

    def serve(self) -> FakeWiki:
        """The wiki as a server."""
        world = MemoryDataset(self.wiki)
        for rev_id in self.rev_ids:
            world.put(self.wiki, build_page(rev_id), self._build_revision(rev_id))
        served = FakeWiki(world)
        served.request_log = self.request_log
        return served

    def rules(self) -> list[Rule]:
        """What goes wrong with it."""
        match self.row.action:
            case None:
                return []
            case MissingRevision():
                return [Rule(MissingRevision(self.times), revisions=frozenset({self.failing_revision}))]
            case action:
                return [Rule(action, revisions=frozenset({self.failing_revision}), times=self.times)]

    def _build_revision(self, rev_id: int) -> Revision:
        found, flaw = build_revision(rev_id), self.row.flaw
        if rev_id != self.failing_revision or flaw is None:
            return found
        if flaw is Flaw.SLOTS_MISSING:
            return replace(found, flaw=flaw)
        return replace(found, slots=(make_slot("", flaw=flaw),))


async def run_cases(folder: Path, cases: Sequence[FailureCase], **values: object) -> JobResult:
    """Run the job once over the changes of all cases, and give each case what came out of it.

    Args:
        folder: For the run's files.
        cases: The cases.
        values: Settings of the run.
    """
    async with AsyncExitStack() as stack:
        addresses = []
        for case in cases:
            wiki = await stack.enter_async_context(case.serve())
            wiki.set_faults(case.rules())
            addresses += ["--wiki", f"{case.wiki.domain}={wiki.url}/w/api.php"]
        lines = [each for case in cases for each in case.lines]
        ended = await run_over_file(folder, lines, *addresses, *setting_arguments(**values))
    by_domain = {case.wiki.domain: case for case in cases}
    for event in ended.enriched:
        by_domain[event["meta"]["domain"]].enriched.append(event)
    for event in ended.errors:
        by_domain[event["meta"]["domain"]].errors.append(event)
    return ended
