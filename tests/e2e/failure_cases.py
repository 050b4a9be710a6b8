"""One row of the failure table, done to one revision of a wiki; and all of them in one run of the job."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING

from tests.e2e.support import OLD, Ended, Event, body_of, change, line, page_of, run_files, settings, stored

from wikistate.testing.faults import Absent, Action, Rule
from wikistate.testing.pages import Flaw, Wiki, slot
from wikistate.testing.wiki.server import FakeWiki
from wikistate.testing.wiki.tally import Tally
from wikistate.testing.wiki.worlds import SmallWorld

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from wikistate.testing.pages import Revision


class Retried(Enum):
    """Whether the table has a failure asked for again."""

    NO = "only for each split of its batch, since it may have been somebody else's fault"
    NO_BY_NAME = "not even then, since the answer names the revision"
    YES = "until the limit"
    YOUNG = "until the event is old"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        name: For the test's name.
        action: What the wiki does; None where the revision itself is damaged.
        retried: What the table says.
        error_type: Of the error event at the end.
        flaw: The damage.
    """

    name: str
    action: Action | None
    retried: Retried
    error_type: str
    flaw: Flaw | None = None


class TimedTally(Tally):
    """Counts, and remembers when each revision was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: dict[int, list[float]] = {}

    def ask(self, wiki_id: str, rev_ids: Collection[int]) -> None:
        """It asks for these, now."""
        super().ask(wiki_id, rev_ids)
        for rev_id in rev_ids:
            self.moments.setdefault(rev_id, []).append(monotonic())


@dataclass(slots=True)
class Case:
    """One row, done to one revision of a wiki that has an address, and so limits, of its own.

    Attributes:
        row: The row.
        number: Of the case; no two in a run have the same.
        times: How often it is done; None for ever.
        neighbours: How many well revisions are asked for together with the bad one.
        dt: The time of the events.
        tally: What the wiki counted.
        enriched: What came out of it, when the run is over.
        errors: Its events on the error stream, when the run is over.
    """

    row: Row
    number: int
    times: int | None = None
    neighbours: int = 0
    dt: str = OLD
    tally: TimedTally = field(default_factory=TimedTally)
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
    def bad(self) -> int:
        """The revision that the row is done to: in the middle of its neighbours."""
        return self.rev_ids[self.neighbours // 2]

    @property
    def good(self) -> list[int]:
        """Its neighbours."""
        return [rev_id for rev_id in self.rev_ids if rev_id != self.bad]

    @property
    def lines(self) -> list[bytes]:
        """The changes."""
        return [line(change(rev_id, wiki=self.wiki, dt=self.dt)) for rev_id in self.rev_ids]

    @property
    def bodies(self) -> dict[int, str]:
        """The content of each revision that came out enriched."""
        return {event["revision"]["rev_id"]: body_of(event) for event in self.enriched}

    @property
    def asks(self) -> int:
        """How often the bad revision was asked for, by the wiki's count."""
        return self.tally.asks(self.bad)

    @property
    def pauses(self) -> list[float]:
        """Seconds between any two times after each other that the bad revision was asked for."""
        return [later - earlier for earlier, later in pairwise(self.tally.moments[self.bad])]

    def served(self) -> FakeWiki:
        """The wiki as a server."""
        world = SmallWorld(self.wiki)
        for rev_id in self.rev_ids:
            world.put(self.wiki, page_of(rev_id), self._stored(rev_id))
        served = FakeWiki(world)
        served.tally = self.tally
        return served

    def rules(self) -> list[Rule]:
        """What goes wrong with it."""
        match self.row.action:
            case None:
                return []
            case Absent():
                return [Rule(Absent(self.times), revisions=frozenset({self.bad}))]
            case action:
                return [Rule(action, revisions=frozenset({self.bad}), times=self.times)]

    def _stored(self, rev_id: int) -> Revision:
        found, flaw = stored(rev_id), self.row.flaw
        if rev_id != self.bad or flaw is None:
            return found
        if flaw is Flaw.SLOTS_MISSING:
            return replace(found, flaw=flaw)
        return replace(found, slots=(slot("", flaw=flaw),))


async def run_cases(folder: Path, cases: Sequence[Case], **values: object) -> Ended:
    """Run the job once over the changes of all cases, and give each case what came out of it.

    Args:
        folder: For the run's files.
        cases: The cases.
        values: Settings of the run.
    """
    async with AsyncExitStack() as stack:
        addresses = []
        for case in cases:
            wiki = await stack.enter_async_context(case.served())
            wiki.set_faults(case.rules())
            addresses += ["--wiki", f"{case.wiki.domain}={wiki.url}/w/api.php"]
        lines = [each for case in cases for each in case.lines]
        ended = await run_files(folder, lines, *addresses, *settings(**values))
    by_domain = {case.wiki.domain: case for case in cases}
    for event in ended.enriched:
        by_domain[event["meta"]["domain"]].enriched.append(event)
    for event in ended.errors:
        by_domain[event["meta"]["domain"]].errors.append(event)
    return ended
