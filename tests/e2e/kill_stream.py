"""The group of processes that enriches a stream of changes with the local runner, each of which may be killed."""

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
        quick: Whether the broker notices within seconds that a member is gone, and not after Kafka's usual time.
        members: All that were started.
    """

    quick: bool = True
    members: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what a test that failed has left."""
        for member in self.members:
            member.kill()

    def start_member(self, name: str, *, bounded: bool = False, static: bool = True) -> Process:
        """Start a member of the group.

        Args:
            name: Tells members apart, and stays the same when one is started again.
            bounded: End at the end of the topic as it is.
            static: The broker knows the member again when it comes back, and gives it its partitions at once. Otherwise it
                waits for the session of the one that was killed to time out.
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
        """Run a member to the end of the topic; its exit code."""
        member = self.start_member("a", bounded=True)
        wait_until(lambda: not member.is_running)
        return member.kill()  # it has ended: this tells how

    def wait_for_growth(self, records: int, *members: Process) -> None:
        """Wait until the outputs have so many records more, as long as these members live."""
        wait_until(self.make_growth_check(records), *members)

    def assert_commits_cover_written_only(self) -> None:
        """No committed offset is beyond a change that is in neither output."""
        done = self.read_committed_numbers()
        wait_until(
            lambda: done <= set(self.count_numbers())
        )  # a transaction's end reaches its topics one after the other

    def wait_until_complete(self, *members: Process) -> None:
        """Wait until every change is in an output."""
        wait_until(self.is_complete, *members)


def wait_until(reached: Callable[[], bool], *members: Process) -> None:
    """Wait for something that must come, as long as all members live."""
    give_up = time.monotonic() + TIMEOUT
    while not reached():
        for member in members:
            assert member.is_running, read_tail(member.log)
        assert time.monotonic() < give_up, [read_tail(member.log) for member in members]
        time.sleep(0.02)
