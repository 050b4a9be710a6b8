"""What a wiki was asked, counted at the wiki: the truth that tests of retries and batching are held against."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


class RequestLog:
    """Counts of one wiki, or of a farm of wikis on one address.

    Attributes:
        requests: Requests that came, control requests not counted.
        revisions: Revisions asked for, each time counted anew.
        requested: How often each revision was asked for, by database name and number.
        batches: Requests for revisions by how many they asked for.
        concurrent: Requests that are being answered now.
        max_concurrent: The most at any time.
        user_agents: Requests by User-Agent.
        hosts: Requests by Host.
        responses: Answers by HTTP status; broken connections are not among them.
    """

    def __init__(self, *, count_each_revision: bool = True) -> None:
        self._each_revision = count_each_revision
        self.clear()

    def clear(self) -> None:
        """Start over; what is being answered stays counted."""
        self.requests = 0
        self.revisions = 0
        self.requested: Counter[tuple[str, int]] = Counter()
        self.batches: Counter[int] = Counter()
        self.concurrent = getattr(self, "concurrent", 0)
        self.max_concurrent = self.concurrent
        self.user_agents: Counter[str] = Counter()
        self.hosts: Counter[str] = Counter()
        self.responses: Counter[int] = Counter()

    def start_request(self, *, host: str, user_agent: str) -> None:
        """A request came."""
        self.requests += 1
        self.concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self.concurrent)
        self.user_agents[user_agent] += 1
        self.hosts[host] += 1

    def record_revisions(self, wiki_id: str, rev_ids: Collection[int]) -> None:
        """It asks for these."""
        if not rev_ids:
            return
        self.revisions += len(rev_ids)
        self.batches[len(rev_ids)] += 1
        if self._each_revision:
            self.requested.update((wiki_id, rev_id) for rev_id in rev_ids)

    def finish_request(self) -> None:
        """It is over."""
        self.concurrent -= 1

    def count_requests(self, rev_id: int, wiki_id: str | None = None) -> int:
        """How often a revision was asked for, of one wiki or of any."""
        if wiki_id is not None:
            return self.requested[wiki_id, rev_id]
        return sum(times for (_, number), times in self.requested.items() if number == rev_id)

    def report(self) -> dict[str, Any]:
        """All counts as JSON knows them: numbers as keys become strings."""
        asked: dict[str, dict[str, int]] = {}
        for (wiki_id, rev_id), times in self.requested.items():
            asked.setdefault(wiki_id, {})[str(rev_id)] = times
        return {
            "requests": self.requests,
            "revisions": self.revisions,
            "asked": asked,
            "batches": dict(_with_string_keys(self.batches)),
            "concurrent": self.concurrent,
            "most_concurrent": self.max_concurrent,
            "user_agents": dict(self.user_agents),
            "hosts": dict(self.hosts),
            "answers": dict(_with_string_keys(self.responses)),
        }


def _with_string_keys(counts: Counter[int]) -> Iterator[tuple[str, int]]:
    return ((str(number), times) for number, times in sorted(counts.items()))
