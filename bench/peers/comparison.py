"""Comparison of all contenders, which run in turn.

All contenders read the same feed from topics with the same partitions, query the same wiki with the same response time,
and write to the same broker. A wrong output aborts the measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.feed import generate_edits
from bench.figures import Figure, Target
from bench.peers.contenders import CONTENDERS, FLINK, LOCAL, PARALLELISM, PEERS
from bench.peers.runs import Run, run_contender
from bench.stage import small_wiki
from wikistate.testing.faults import Delay, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.stage import Stage

ANSWER, REVISION = 0.005, 0.001
"""Delay of the wiki in seconds for a response and for each revision in it: less than public wikis take."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison: the runs of each contender by its name."""

    runs: Mapping[str, tuple[Run, ...]]

    def figures(self) -> list[Figure]:
        """See `Result`."""
        return [*self._of_each(), *self._ratios()]

    def _of_each(self) -> Iterator[Figure]:
        for name, runs in self.runs.items():
            target = Target(at_least=3_000) if name == FLINK.name else None
            yield Figure(f"{name}: speed", median(each.rate for each in runs), "events/s", target)
            yield Figure(f"{name}: first output", median(each.start for each in runs), "s")
            yield Figure(f"{name}: memory", median(each.resident for each in runs), "MiB")
            yield Figure(f"{name}: CPU", median(each.cpu for each in runs), "µs/event")
            yield Figure(f"{name}: requests to the wiki", median(each.requests for each in runs), "an event")
            yield Figure(f"{name}: behind a later edit of the page", max(each.overtaken for each in runs), "events")
            if checkpoints := [seconds for each in runs for seconds in each.checkpoints]:
                yield Figure(f"{name}: checkpoint", median(checkpoints), "s")
                yield Figure(f"{name}: longest checkpoint", max(checkpoints), "s")

    def _ratios(self) -> Iterator[Figure]:
        for peer in PEERS:
            pairs = list(zip(self.runs[LOCAL.name], self.runs[peer.name], strict=True))
            speed, cpu = (
                median(ours.rate / theirs.rate for ours, theirs in pairs),
                median(theirs.cpu / ours.cpu for ours, theirs in pairs),
            )
            yield Figure(f"wikistate / {peer.name}", speed, "", Target(at_least=2) if peer.same_work else None)
            yield Figure(f"{peer.name} / wikistate, by CPU", cpu, "")


async def measure_peers(stage: Stage) -> Comparison:
    """Run each contender several times, alternately."""
    sizes = stage.sizes
    many, few = (
        stage.topics.create_filled("page-change", generate_edits(events), partitions=PARALLELISM)
        for events in (sizes.peer_events, sizes.peer_events_few)
    )
    runs: dict[str, tuple[Run, ...]] = {contender.name: () for contender in CONTENDERS}
    async with small_wiki() as wiki:
        for _ in range(sizes.peer_runs):
            for contender in CONTENDERS:
                source, events = (many, sizes.peer_events) if contender.many else (few, sizes.peer_events_few)
                await wiki.set_faults([Rule(Delay(ANSWER + contender.revisions * REVISION))])
                found = await run_contender(stage, wiki, contender, source, events=events)
                runs[contender.name] += (found,)
    stage.topics.delete_all(many, few)
    return Comparison(runs)
