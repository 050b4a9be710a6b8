"""Startup mode for each state of the store and the checkpoint."""

from __future__ import annotations

import pytest

from wikistate.core.updater.startup import StartupFacts, StartupMode, choose_startup_mode
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.errors import ConfigError, StoreError

NOW = 1_760_000_000_000
IN_SYNC = StartupFacts(
    form=StoreForm.MUNGED,
    marker=StorePosition(NOW, NOW - 1_000),
    generation=NOW,
    followed_until=NOW - 1_000,
    retained_since=NOW - 90_000,
    adopt=False,
)


@pytest.mark.parametrize(
    ("found", "mode"),
    [
        (IN_SYNC, StartupMode.FOLLOW),
        (IN_SYNC._replace(retained_since=None), StartupMode.FOLLOW),
        (IN_SYNC._replace(generation=NOW - 5), StartupMode.FOLLOW),  # killed between the store and the checkpoint
        (IN_SYNC._replace(marker=StorePosition(NOW, 0)), StartupMode.RESUME_SCAN),
        (IN_SYNC._replace(marker=StorePosition(NOW - 5, NOW - 9_000)), StartupMode.STORE_OLDER),
        (IN_SYNC._replace(marker=StorePosition(NOW - 5, 0)), StartupMode.STORE_OLDER),
        (IN_SYNC._replace(generation=None, followed_until=None), StartupMode.NO_CHECKPOINT),
        (IN_SYNC._replace(followed_until=NOW - 100_000), StartupMode.SOURCE_GAP),
        (IN_SYNC._replace(followed_until=NOW - 100_000, marker=StorePosition(NOW, 0)), StartupMode.SOURCE_GAP),
        (IN_SYNC._replace(form=StoreForm.EMPTY, marker=None), StartupMode.EMPTY),
        (IN_SYNC._replace(form=StoreForm.EMPTY, marker=None, generation=None), StartupMode.EMPTY),
        (IN_SYNC._replace(marker=None, adopt=True), StartupMode.ADOPTED),
    ],
)
def test_each_startup_mode_has_its_conditions(found: StartupFacts, mode: StartupMode) -> None:
    """An unfinished full scan does not continue over a gap: its results may no longer be right."""
    assert choose_startup_mode(found) is mode


def test_only_a_store_in_sync_needs_no_full_scan() -> None:
    """Every other startup mode ends in a comparison of all entities."""
    assert [mode for mode in StartupMode if not mode.needs_full_scan] == [StartupMode.FOLLOW]


def test_store_of_another_writer_needs_permission() -> None:
    """The message names the setting that permits it, and its effect."""
    with pytest.raises(ConfigError, match="did not write") as refusal:
        choose_startup_mode(IN_SYNC._replace(marker=None))
    assert "--set store.adopt=true" in refusal.value.hint


@pytest.mark.parametrize("adopt", [False, True])
def test_store_in_the_form_of_a_dump_is_rejected(*, adopt: bool) -> None:
    """Otherwise two forms of one entity would be in the store."""
    with pytest.raises(StoreError, match="as the wiki dumps them"):
        choose_startup_mode(IN_SYNC._replace(form=StoreForm.PLAIN, marker=None, adopt=adopt))
