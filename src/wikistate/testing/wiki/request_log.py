"""Counts of the requests at the wiki, for tests of retries and batches."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


class RequestLog:
    """Request counts of one wiki, or of a farm of wikis on one address.

    Attributes:
        requests: Number of requests, without control requests.
        revisions: Number of requested revisions; a revision counts once for each request.
        requested: Number of requests for each revision, by database name and revision id.
        batches: Number of requests for revisions, by their number of revisions.
        concurrent: Number of requests in progress.
        max_concurrent: Maximum of `concurrent`.
        user_agents: Number of requests by User-Agent.
        hosts: Number of requests by Host.
        responses: Number of responses by HTTP status, without broken connections.
    """

    def __init__(self, *, count_each_revision: bool = True) -> None:
        self._each_revision = count_each_revision
        self.clear()

    def clear(self) -> None:
        """Reset all counts except that of the requests in progress."""
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
        """Count the start of a request."""
        self.requests += 1
        self.concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self.concurrent)
        self.user_agents[user_agent] += 1
        self.hosts[host] += 1

    def record_revisions(self, wiki_id: str, rev_ids: Collection[int]) -> None:
        """Count the revisions of a request."""
        if not rev_ids:
            return
        self.revisions += len(rev_ids)
        self.batches[len(rev_ids)] += 1
        if self._each_revision:
            self.requested.update((wiki_id, rev_id) for rev_id in rev_ids)

    def finish_request(self) -> None:
        """Count the end of a request."""
        self.concurrent -= 1

    def count_requests(self, rev_id: int, wiki_id: str | None = None) -> int:
        """Return the number of requests for a revision, of one wiki or of all."""
        if wiki_id is not None:
            return self.requested[wiki_id, rev_id]
        return sum(times for (_, number), times in self.requested.items() if number == rev_id)

    def report(self) -> dict[str, Any]:
        """Return all counts in the form of JSON: numbers as keys become strings."""
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
