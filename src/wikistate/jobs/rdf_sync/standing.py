"""Where the store stands, compared with the checkpoint and with how far the source reaches back. Pure.

What is decided here at a start is whether following the source is enough, or all entities are walked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from wikistate.core.sparql.contents import StoreForm, StorePosition
from wikistate.errors import ConfigError, StoreError

_ADOPT = "store.adopt"


class Standing(StrEnum):
    """What is to be done, by what was found. The values are for the log."""

    FOLLOW = "the store is in step"
    RESUME = "the last walk was not finished"
    EMPTY = "the store is empty"
    ADOPTED = "the store is taken over"
    OLDER = "the store is older than the checkpoint: it was restored from a copy"
    UNKNOWN = "there is no checkpoint for this store"
    GAP = "the source no longer reaches back to where the store is"

    @property
    def walks(self) -> bool:
        """Whether all entities are looked at."""
        return self is not Standing.FOLLOW


class Found(NamedTuple):
    """What there is at a start.

    Attributes:
        form: Of the store.
        mark: What the last run noted in the store: the generation of its checkpoint, and up to when the store was
            complete, 0 in the middle of a walk. None where no run of this job wrote into it.
        generation: Of the checkpoint on our side; None for none.
        followed: Up to when the source was followed by then, milliseconds since the epoch; None where nobody knows.
        reach: From when on the source still has everything, milliseconds since the epoch; None where it does not say.
        adopt: Whether a store that others loaded may be taken over.
    """

    form: StoreForm
    mark: StorePosition | None
    generation: int | None
    followed: int | None
    reach: int | None
    adopt: bool


def judge(found: Found) -> Standing:
    """What is to be done.

    Raises:
        ConfigError: The store holds entities, and nobody said that it may be changed.
        StoreError: It holds them in a form that is not ours.
    """
    if found.form is StoreForm.PLAIN:
        raise StoreError(
            "The store holds entities as the wiki dumps them, with revisions on the data nodes.",
            hint="This job writes the form of query services. Load the store from a munged dump, or name an empty one.",
        )
    if found.mark is None:
        return _unmarked(found)
    if found.generation is None:
        return Standing.UNKNOWN
    if found.mark.next_offset < found.generation:
        return Standing.OLDER
    if found.reach is not None and (found.followed is None or found.followed < found.reach):
        return Standing.GAP
    return Standing.FOLLOW if found.mark.completed_until else Standing.RESUME


def _unmarked(found: Found) -> Standing:
    if found.form is StoreForm.EMPTY:
        return Standing.EMPTY
    if found.adopt:
        return Standing.ADOPTED
    raise ConfigError(
        "The store holds entities that rdf-sync did not write; it may be somebody else's.",
        hint=f"To have it compared with the wiki and kept in step from now on, say --set {_ADOPT}=true; "
        "what the wiki does not have is then taken out of it.",
        key=_ADOPT,
    )
