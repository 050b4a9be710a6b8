"""Where the store stands, compared with the checkpoint and with how far the source reaches back. Pure.

What is decided here at a start is whether following the source is enough, or all entities are walked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.errors import ConfigError, StoreError

_ADOPT_KEY = "store.adopt"


class StartupMode(StrEnum):
    """What is to be done, by what was found. The values are for the log."""

    FOLLOW = "the store is in step"
    RESUME_SCAN = "the last walk was not finished"
    EMPTY = "the store is empty"
    ADOPTED = "the store is taken over"
    STORE_OLDER = "the store is older than the checkpoint: it was restored from a copy"
    NO_CHECKPOINT = "there is no checkpoint for this store"
    SOURCE_GAP = "the source no longer reaches back to where the store is"

    @property
    def needs_full_scan(self) -> bool:
        """Whether all entities are looked at."""
        return self is not StartupMode.FOLLOW


class StartupFacts(NamedTuple):
    """What there is at a start.

    Attributes:
        form: Of the store.
        marker: What the last run noted in the store: the generation of its checkpoint, and up to when the store was
            complete, 0 in the middle of a walk. None where no run of this job wrote into it.
        generation: Of the checkpoint on our side; None for none.
        followed_until: Up to when the source was followed by then, milliseconds since the epoch; None where nobody knows.
        retained_since: From when on the source still has everything, milliseconds since the epoch; None where it does not say.
        adopt: Whether a store that others loaded may be taken over.
    """

    form: StoreForm
    marker: StorePosition | None
    generation: int | None
    followed_until: int | None
    retained_since: int | None
    adopt: bool


def choose_startup_mode(facts: StartupFacts) -> StartupMode:
    """What is to be done.

    Raises:
        ConfigError: The store holds entities, and nobody said that it may be changed.
        StoreError: It holds them in a form that is not ours.
    """
    if facts.form is StoreForm.PLAIN:
        raise StoreError(
            "The store holds entities as the wiki dumps them, with revisions on the data nodes.",
            hint="This job writes the form of query services. Load the store from a munged dump, or name an empty one.",
        )
    if facts.marker is None:
        return _choose_without_marker(facts)
    if facts.generation is None:
        return StartupMode.NO_CHECKPOINT
    if facts.marker.next_offset < facts.generation:
        return StartupMode.STORE_OLDER
    if facts.retained_since is not None and (
        facts.followed_until is None or facts.followed_until < facts.retained_since
    ):
        return StartupMode.SOURCE_GAP
    return StartupMode.FOLLOW if facts.marker.completed_until else StartupMode.RESUME_SCAN


def _choose_without_marker(facts: StartupFacts) -> StartupMode:
    if facts.form is StoreForm.EMPTY:
        return StartupMode.EMPTY
    if facts.adopt:
        return StartupMode.ADOPTED
    raise ConfigError(
        "The store holds entities that rdf-sync did not write; it may be somebody else's.",
        hint=f"To have it compared with the wiki and kept in step from now on, say --set {_ADOPT_KEY}=true; "
        "what the wiki does not have is then taken out of it.",
        key=_ADOPT_KEY,
    )
