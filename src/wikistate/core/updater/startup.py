"""Startup mode of a sync run, chosen from the state of the store, the checkpoint and the retention of the source. Pure.

The startup mode decides whether reading the source is enough, or a full scan is needed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.errors import ConfigError, StoreError

_ADOPT_KEY = "store.adopt"


class StartupMode(StrEnum):
    """First step of a sync run, named after its cause. The values are for the log."""

    FOLLOW = "the store is up to date with the checkpoint"
    RESUME_SCAN = "the last full scan was not finished"
    EMPTY = "the store is empty"
    ADOPTED = "the store is adopted"
    STORE_OLDER = "the store is older than the checkpoint: it was restored from a backup"
    NO_CHECKPOINT = "there is no checkpoint for this store"
    SOURCE_GAP = "the retention of the source does not reach back to the position of the store"

    @property
    def keeps_freshness(self) -> bool:
        """Whether the store still holds what it held when its freshness was stated last."""
        return self in (StartupMode.FOLLOW, StartupMode.RESUME_SCAN, StartupMode.SOURCE_GAP)

    @property
    def needs_full_scan(self) -> bool:
        """Whether a full scan follows."""
        return self is not StartupMode.FOLLOW


class StartupFacts(NamedTuple):
    """Facts at the start of a run.

    Attributes:
        form: Form of the store.
        marker: Marker of the last run in the store: the generation of its checkpoint, and the time up to which the store
            was complete, 0 during a full scan. None if no run of this job has written to the store.
        generation: Generation of the local checkpoint; None if there is none.
        followed_until: Time up to which the source was read by then, milliseconds since the epoch; None if not known.
        retained_since: Time since which the source has all changes, milliseconds since the epoch; None if not known.
        adopt: Whether a store that another program has loaded may be adopted.
    """

    form: StoreForm
    marker: StorePosition | None
    generation: int | None
    followed_until: int | None
    retained_since: int | None
    adopt: bool


def choose_startup_mode(facts: StartupFacts) -> StartupMode:
    """Choose the startup mode.

    Raises:
        ConfigError: The store holds entities of another program, and the settings do not allow to adopt it.
        StoreError: The store holds entities in a form that the job does not write.
    """
    if facts.form is StoreForm.PLAIN:
        raise StoreError(
            "The store holds entities in the form of the wiki's dump, with revisions on the data nodes.",
            hint="This job writes the form of query services. Load the store from a munged dump, or use an empty store.",
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
        "The store holds entities that rdf-sync did not write; another program may use it.",
        hint=f"To compare it with the wiki and keep it up to date from now on, use --set {_ADOPT_KEY}=true; "
        "entities that the wiki does not have are then deleted from it.",
        key=_ADOPT_KEY,
    )
