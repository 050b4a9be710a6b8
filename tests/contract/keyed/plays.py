"""Plays: all stories of a job at once, each with a key of its own, and an interruption in the middle."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tests.contract.keyed.interruptions import INTERRUPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from tests.contract.keyed.deployment import KeyedDeployment
    from tests.contract.keyed.stories import Story
    from tests.contract.keyed.world import SourceRecord, World


MINUTE = 60
"""Seconds between the acts in event time."""


class Performance(NamedTuple):
    """All plays of a job after their last acts.

    Attributes:
        job: The job, which still runs.
        world: The world of the job.
        plays: The plays by the names of their interruptions.
    """

    job: KeyedDeployment
    world: World
    plays: Mapping[str, Play]

    @property
    def flink_logs(self) -> Path:
        """The folder of Flink's logs; see `HasFlinkLogs`."""
        return self.job.flink_logs


def perform(stories: Sequence[Story], world: World, job: KeyedDeployment, *, now: int) -> Performance:
    """Play all stories under each interruption.

    The plays have their first acts together, then each its interrupted act, and their last acts together.

    Args:
        stories: The stories.
        world: The world of the job.
        job: The job, which is not started yet.
        now: Time of the first acts, seconds since the epoch.
    """
    plays = {name: Play(stories, world, job) for name in INTERRUPTIONS}
    job.start()
    _play_together(plays.values(), job, now)
    for number, (name, interruption) in enumerate(INTERRUPTIONS.items(), start=1):
        plays[name].play_interrupted(interruption, time=now + number * MINUTE)
    for number in (1, 2):
        _play_together(plays.values(), job, now + (len(plays) + number) * MINUTE)
    return Performance(job, world, plays)


def _play_together(plays: Iterable[Play], job: KeyedDeployment, time: int) -> None:
    job.write(record for play in plays for record in play.begin_act(time))
    for play in plays:
        play.wait()


class Play:
    """All stories under one interruption, each with a key of its own.

    Args:
        stories: The stories.
        world: The world of the job.
        job: The job.
    """

    def __init__(self, stories: Iterable[Story], world: World, job: KeyedDeployment) -> None:
        self._cast = {world.create_subject(): story for story in stories}
        self._world, self._job = world, job
        self._acts = 0

    def begin_act(self, time: int) -> list[SourceRecord]:
        """Begin the next act and return its records. `time` is in seconds since the epoch."""
        self._acts += 1
        return [
            record
            for subject, story in self._cast.items()
            for step in story.acts[self._acts - 1].steps
            for record in self._world.perform(subject, step, time)
        ]

    def play_interrupted(self, interruption: Callable[[KeyedDeployment, World], None], *, time: int) -> None:
        """Play the next act until all its outputs are there; the interruption begins when the job works on it."""
        records = self.begin_act(time)
        self._world.hold()
        self._job.write(records)
        self._job.wait_until(lambda: self._world.in_flight > 0)
        interruption(self._job, self._world)
        self._world.release()
        self.wait()

    def wait(self) -> None:
        """Wait until all outputs of the acts so far are there."""
        try:
            self._job.wait_until(lambda: not self.find_missing())
        except AssertionError as error:
            error.add_note(f"Missing: {self.find_missing()}")
            raise

    def find_missing(self) -> dict[str, Counter[str]]:
        """Return the outputs of the acts so far that are not there, by key and story."""
        found = self._read()
        differences = {
            f"{subject}: {story.name}": _expect(story, self._acts) - Counter(found.get(subject, []))
            for subject, story in self._cast.items()
        }
        return {name: missing for name, missing in differences.items() if missing}

    def find_differences(self) -> Mapping[str, tuple[list[str], list[str]]]:
        """Return the stories whose outputs are not as they must be, each with those that it has and those it must have.

        Outputs are in order, and reports behind them in any order.
        """
        found = self._read()
        pairs = {
            f"{subject}: {story.name}": (
                _sort(story, found.get(subject, [])),
                [*_join(act.published for act in story.acts), *sorted(_join(act.reports for act in story.acts))],
            )
            for subject, story in self._cast.items()
        }
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def _read(self) -> dict[str, list[str]]:
        texts: dict[str, list[str]] = {}
        for seen in self._job.recognise():
            if seen.text:
                texts.setdefault(seen.subject, []).append(seen.text)
        return texts


def _sort(story: Story, texts: Iterable[str]) -> list[str]:
    reports = set(_join(act.reports for act in story.acts))
    return sorted(texts, key=lambda text: (text in reports, text if text in reports else ""))


def _expect(story: Story, acts: int) -> Counter[str]:
    return Counter(_join((*act.published, *act.reports) for act in story.acts[:acts]))


def _join(parts: Iterable[Iterable[str]]) -> list[str]:
    return [text for part in parts for text in part]
