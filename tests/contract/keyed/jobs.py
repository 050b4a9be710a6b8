"""The keyed jobs for every runner. A new job is one more line in `JOBS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.contract.keyed.updater_stories import STORIES
from tests.contract.keyed.updater_world import UpdaterWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.contract.keyed.stories import Story
    from tests.contract.keyed.world import World


class KeyedJobCase(NamedTuple):
    """A keyed job.

    Attributes:
        name: The name on the command line.
        world: Makes its world.
        stories: Its stories.
    """

    name: str
    world: Callable[[], World]
    stories: Sequence[Story]


JOBS = [
    KeyedJobCase("rdf-updater", UpdaterWorld, STORIES),
]
