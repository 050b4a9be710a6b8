"""Where the store stands at a start, and what is to be done."""

from __future__ import annotations

import pytest

from wikistate.core.updater.startup import StartupFacts, StartupMode, choose_startup_mode
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.errors import ConfigError, StoreError

NOW = 1_760_000_000_000
IN_STEP = StartupFacts(
    form=StoreForm.MUNGED,
    marker=StorePosition(NOW, NOW - 1_000),
    generation=NOW,
    followed_until=NOW - 1_000,
    retained_since=NOW - 90_000,
    adopt=False,
)


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        (IN_STEP, StartupMode.FOLLOW),
        (IN_STEP._replace(retained_since=None), StartupMode.FOLLOW),
        (IN_STEP._replace(generation=NOW - 5), StartupMode.FOLLOW),  # killed between the store and the checkpoint
        (IN_STEP._replace(marker=StorePosition(NOW, 0)), StartupMode.RESUME_SCAN),
        (IN_STEP._replace(marker=StorePosition(NOW - 5, NOW - 9_000)), StartupMode.STORE_OLDER),
        (IN_STEP._replace(marker=StorePosition(NOW - 5, 0)), StartupMode.STORE_OLDER),
        (IN_STEP._replace(generation=None, followed_until=None), StartupMode.NO_CHECKPOINT),
        (IN_STEP._replace(followed_until=NOW - 100_000), StartupMode.SOURCE_GAP),
        (IN_STEP._replace(followed_until=NOW - 100_000, marker=StorePosition(NOW, 0)), StartupMode.SOURCE_GAP),
        (IN_STEP._replace(form=StoreForm.EMPTY, marker=None), StartupMode.EMPTY),
        (IN_STEP._replace(form=StoreForm.EMPTY, marker=None, generation=None), StartupMode.EMPTY),
        (IN_STEP._replace(marker=None, adopt=True), StartupMode.ADOPTED),
    ],
)
def test_each_standing_has_its_signs(found: StartupFacts, standing: StartupMode) -> None:
    """A walk that was not finished does not go on over a gap: what it had done is not known to be right any more."""
    assert choose_startup_mode(found) is standing


def test_only_a_store_in_step_is_not_walked() -> None:
    """Everything else ends in a comparison of all entities."""
    assert [standing for standing in StartupMode if not standing.needs_full_scan] == [StartupMode.FOLLOW]


def test_a_store_of_others_is_not_touched_unasked() -> None:
    """The message says how to ask for it, and what that does."""
    with pytest.raises(ConfigError, match="did not write") as refusal:
        choose_startup_mode(IN_STEP._replace(marker=None))
    assert "--set store.adopt=true" in refusal.value.hint


@pytest.mark.parametrize("adopt", [False, True])
def test_a_store_in_the_form_of_a_dump_is_refused(*, adopt: bool) -> None:
    """Two forms of one entity would stand beside each other."""
    with pytest.raises(StoreError, match="in the form of the wiki"):
        choose_startup_mode(IN_STEP._replace(form=StoreForm.PLAIN, marker=None, adopt=adopt))
