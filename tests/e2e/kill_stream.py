"""The consumer group that enriches a stream of changes with the local runner; a test may kill each of its processes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tests.e2e.change_stream import ChangeStream
from tests.e2e.enrichment_job import COMMAND, TIMEOUT
from tests.support.processes import Process, read_tail

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(kw_only=True)
class KillStream(ChangeStream):
    """A stream, and the members of the group that reads it.

    Attributes:
        quick: Whether the broker notices the loss of a member within seconds, instead of Kafka's default time.
        members: All members that were started.
    """

    quick: bool = True
    members: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the members that a failed test has left."""
        for member in self.members:
            member.kill()

    def start_member(self, name: str, *, bounded: bool = False, static: bool = True) -> Process:
        """Start a member of the group.

        Args:
            name: Identifies the member, and stays the same when it is started again.
            bounded: End at the current end of the topic.
            static: The broker recognises the member when it comes back, and assigns its partitions at once. Otherwise it
                waits until the session of the killed one times out.
        """
        session = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"} if self.quick else {}
        words = self.arguments(
            rate=80,
            end="latest" if bounded else "",
            stream_manager__source__options__properties=session | ({"group.instance.id": name} if static else {}),
            stream_manager__sink__options__properties={"transaction.timeout.ms": "10000"} if self.quick else {},
            local__instance=name,
            local__commit_interval=0.05,
        )
        self.members.append(Process([*COMMAND, *words], log=self.folder / f"{name}.log"))
        return self.members[-1]

    def finish(self) -> int:
        """Run a member to the end of the topic and return its exit code."""
        member = self.start_member("a", bounded=True)
        wait_until(lambda: not member.is_running)
        return member.kill()  # it has ended: this returns its exit code

    def wait_for_growth(self, records: int, *members: Process) -> None:
        """Wait until the outputs have so many additional records, while these members live."""
        wait_until(self.make_growth_check(records), *members)

    def assert_commits_cover_written_only(self) -> None:
        """Assert that no committed offset is beyond a change that is in neither output."""
        done = self.read_committed_numbers()
        wait_until(
            lambda: done <= set(self.read_numbers())
        )  # the end of a transaction reaches its topics one after the other

    def wait_until_complete(self, *members: Process) -> None:
        """Wait until each change is in an output."""
        wait_until(self.is_complete, *members)


def wait_until(reached: Callable[[], bool], *members: Process) -> None:
    """Wait for a condition while all members live."""
    deadline = time.monotonic() + TIMEOUT
    while not reached():
        for member in members:
            assert member.is_running, read_tail(member.log)
        assert time.monotonic() < deadline, [read_tail(member.log) for member in members]
        time.sleep(0.02)
