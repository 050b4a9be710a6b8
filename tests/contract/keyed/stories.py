"""Stories of keyed jobs: what happens to one key, and what a job must publish and report about it.

The acts of a story before, during and after an interruption of the job are the same for every interruption.
"""

from __future__ import annotations

from typing import NamedTuple


class Act(NamedTuple):
    """Part of a story, which is over when all its outputs are there.

    Attributes:
        steps: Steps in the words of the world of the job, such as ``save 2``.
        published: Outputs about the key in their order, such as ``diff 2``.
        reports: Records of all other streams about the key, in any order.
    """

    steps: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()


class Story(NamedTuple):
    """History of one key.

    Attributes:
        name: The fact that it shows.
        before: The act before the interruption.
        during: The act that is interrupted.
        after: The act after all interruptions.
        late: The act after those of all other stories, with events that are older: a job that was just started knows of none that
            is late.
    """

    name: str
    before: Act
    during: Act
    after: Act = Act()
    late: Act = Act()

    @property
    def acts(self) -> tuple[Act, ...]:
        """All acts in their order."""
        return self.before, self.during, self.after, self.late
