"""Where the store stands at a start, and what is to be done."""

from __future__ import annotations

import pytest

from wikistate.core.sparql.contents import StoreForm, StorePosition
from wikistate.errors import ConfigError, StoreError
from wikistate.jobs.rdf_sync.standing import Found, Standing, judge

NOW = 1_760_000_000_000
IN_STEP = Found(
    form=StoreForm.MUNGED,
    mark=StorePosition(NOW, NOW - 1_000),
    generation=NOW,
    followed=NOW - 1_000,
    reach=NOW - 90_000,
    adopt=False,
)


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        (IN_STEP, Standing.FOLLOW),
        (IN_STEP._replace(reach=None), Standing.FOLLOW),
        (IN_STEP._replace(generation=NOW - 5), Standing.FOLLOW),  # killed between the store and the checkpoint
        (IN_STEP._replace(mark=StorePosition(NOW, 0)), Standing.RESUME),
        (IN_STEP._replace(mark=StorePosition(NOW - 5, NOW - 9_000)), Standing.OLDER),
        (IN_STEP._replace(mark=StorePosition(NOW - 5, 0)), Standing.OLDER),
        (IN_STEP._replace(generation=None, followed=None), Standing.UNKNOWN),
        (IN_STEP._replace(followed=NOW - 100_000), Standing.GAP),
        (IN_STEP._replace(followed=NOW - 100_000, mark=StorePosition(NOW, 0)), Standing.GAP),
        (IN_STEP._replace(form=StoreForm.EMPTY, mark=None), Standing.EMPTY),
        (IN_STEP._replace(form=StoreForm.EMPTY, mark=None, generation=None), Standing.EMPTY),
        (IN_STEP._replace(mark=None, adopt=True), Standing.ADOPTED),
    ],
)
def test_each_standing_has_its_signs(found: Found, standing: Standing) -> None:
    """A walk that was not finished does not go on over a gap: what it had done is not known to be right any more."""
    assert judge(found) is standing


def test_only_a_store_in_step_is_not_walked() -> None:
    """Everything else ends in a comparison of all entities."""
    assert [standing for standing in Standing if not standing.walks] == [Standing.FOLLOW]


def test_a_store_of_others_is_not_touched_unasked() -> None:
    """The message says how to ask for it, and what that does."""
    with pytest.raises(ConfigError, match="did not write") as refusal:
        judge(IN_STEP._replace(mark=None))
    assert "--set store.adopt=true" in refusal.value.hint


@pytest.mark.parametrize("adopt", [False, True])
def test_a_store_in_the_form_of_a_dump_is_refused(*, adopt: bool) -> None:
    """Two forms of one entity would stand beside each other."""
    with pytest.raises(StoreError, match="as the wiki dumps them"):
        judge(IN_STEP._replace(form=StoreForm.PLAIN, mark=None, adopt=adopt))
