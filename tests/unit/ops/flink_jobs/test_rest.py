"""Time limits of the client of Flink's REST interface, by a clock that the test advances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.fake_flink import FakeFlink

from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.rest import FlinkRest, Patience

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Clock:
    """Clock that a sleep advances."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        """Return the time."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Advance the time."""
        self.time += seconds


@pytest.fixture
def flink(tmp_path: Path) -> Iterator[FakeFlink]:
    """Running fake cluster."""
    with FakeFlink(tmp_path) as flink:
        yield flink


async def test_long_savepoint_is_reported_and_ends_with_its_time_limit(flink: FakeFlink) -> None:
    """Every thirty seconds; the message says that it may still finish."""
    clock, notices = Clock(), list[str]()
    job_id = flink.add_job("a")
    flink.pending_polls = 1_000
    patience = Patience(poll=10, sleep=clock.sleep, now=clock.now, notify=notices.append)
    async with FlinkRest(flink.url, patience) as rest:
        with pytest.raises(FlinkJobError, match="has not finished within 100 s") as caught:
            await rest.take_savepoint(job_id, "s3://b/savepoints", within=100)
    assert caught.value.failure is JobFailure.TIMED_OUT
    assert len(notices) == 3
    assert len(flink.operations) == 1


async def test_request_is_repeated_for_a_limited_time(flink: FakeFlink) -> None:
    """An outage that is shorter does not show; the first question is not repeated."""
    clock = Clock()
    patience = Patience(request=5, poll=1, sleep=clock.sleep, now=clock.now)
    async with FlinkRest(flink.url, patience) as rest:
        flink.outages = 4
        assert await rest.list_jobs() == ()
        flink.outages = 7
        with pytest.raises(FlinkJobError, match="status 503") as caught:
            await rest.list_jobs()
        assert caught.value.failure is JobFailure.CLUSTER_UNAVAILABLE
        flink.outages = 1
        with pytest.raises(FlinkJobError, match="status 503"):
            await rest.check()


async def test_savepoint_of_an_unknown_job_is_not_a_lost_request(flink: FakeFlink) -> None:
    """The client does not repeat it for ever."""
    async with FlinkRest(flink.url, Patience(poll=0)) as rest:
        with pytest.raises(FlinkJobError, match="does not know the job") as caught:
            await rest.stop("0" * 32, "s3://b/savepoints", within=100)
    assert caught.value.failure is JobFailure.NOT_RUNNING
