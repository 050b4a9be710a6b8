"""A row of the failure table, applied to one revision of a wiki; and all rows in one run of the job."""

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
    """Rule of the table for the retries of a failure."""

    NO = "only for each split of its batch, since another revision may have caused the failure"
    NO_BY_NAME = "not even then, since the response names the revision"
    YES = "until the limit"
    YOUNG = "until the event is old"


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A row of the table.

    Attributes:
        name: Name in the id of the test.
        action: Fault of the wiki; None if the revision itself is damaged.
        retried: Retries that the table states.
        error_type: Type of the error event at the end.
        flaw: Damage of the revision.
    """

    name: str
    action: Fault | None
    retried: RetryExpectation
    error_type: str
    flaw: Flaw | None = None


class TimedRequestLog(RequestLog):
    """A request log with the times at which each revision was requested."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[int, list[float]] = {}

    def record_revisions(self, wiki_id: str, rev_ids: Collection[int]) -> None:
        """Record a request for these revisions at the current time."""
        super().record_revisions(wiki_id, rev_ids)
        for rev_id in rev_ids:
            self.times.setdefault(rev_id, []).append(monotonic())


@dataclass(slots=True)
class FailureCase:
    """One row, applied to one revision of a wiki that has a separate address, and so separate limits.

    Attributes:
        row: The row.
        number: Number of the case, unique in a run.
        times: Number of times that the fault occurs; None for all requests.
        neighbours: Number of healthy revisions that are requested together with the failing one.
        dt: The time of the events.
        request_log: Requests that the wiki counted.
        enriched: Its enriched events, when the run is over.
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
        """Wiki of the case."""
        return Wiki(f"wiki{self.number}", f"wiki{self.number}.example")

    @property
    def rev_ids(self) -> list[int]:
        """Revisions of the case in the order of their events."""
        return [self.number * 1000 + position for position in range(1, self.neighbours + 2)]

    @property
    def failing_revision(self) -> int:
        """Revision that the row applies to: in the middle of its neighbours."""
        return self.rev_ids[self.neighbours // 2]

    @property
    def neighbour_revisions(self) -> list[int]:
        """Revisions beside the failing one."""
        return [rev_id for rev_id in self.rev_ids if rev_id != self.failing_revision]

    @property
    def lines(self) -> list[bytes]:
        """Changes of the case as lines."""
        return [encode_line(build_change(rev_id, wiki=self.wiki, dt=self.dt)) for rev_id in self.rev_ids]

    @property
    def bodies(self) -> dict[int, str]:
        """Content of each enriched revision."""
        return {event["revision"]["rev_id"]: body_of(event) for event in self.enriched}

    @property
    def request_count(self) -> int:
        """Number of requests for the failing revision that the wiki counted."""
        return self.request_log.count_requests(self.failing_revision)

    @property
    def retry_delays(self) -> list[float]:
        """Seconds between successive requests for the failing revision."""
        return [later - earlier for earlier, later in pairwise(self.request_log.times[self.failing_revision])]

    def serve(self) -> FakeWiki:
        """Return the wiki as a server."""
        dataset = MemoryDataset(self.wiki)
        for rev_id in self.rev_ids:
            dataset.put(self.wiki, build_page(rev_id), self._build_revision(rev_id))
        served = FakeWiki(dataset)
        served.request_log = self.request_log
        return served

    def rules(self) -> list[Rule]:
        """Return the rules that make its wiki fail."""
        match self.row.action:
            case None:
                return []
            case MissingRevision():
                return [Rule(MissingRevision(self.times), revisions=frozenset({self.failing_revision}))]
            case action:
                return [Rule(action, revisions=frozenset({self.failing_revision}), times=self.times)]

    def _build_revision(self, rev_id: int) -> Revision:
        revision, flaw = build_revision(rev_id), self.row.flaw
        if rev_id != self.failing_revision or flaw is None:
            return revision
        if flaw is Flaw.SLOTS_MISSING:
            return replace(revision, flaw=flaw)
        return replace(revision, slots=(make_slot("", flaw=flaw),))


async def run_cases(folder: Path, cases: Sequence[FailureCase], **values: object) -> JobResult:
    """Run the job once over the changes of all cases, and assign its events to the cases.

    Args:
        folder: Folder for the files of the run.
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
        result = await run_over_file(folder, lines, *addresses, *setting_arguments(**values))
    by_domain = {case.wiki.domain: case for case in cases}
    for event in result.enriched:
        by_domain[event["meta"]["domain"]].enriched.append(event)
    for event in result.errors:
        by_domain[event["meta"]["domain"]].errors.append(event)
    return result
