"""A repeated request finds late changes, and repeats none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.connectors.recent_changes.position import ChangeWindow

OVERLAP = 120_000

CHANGES = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 119), st.integers(0, 400)), min_size=1, max_size=40
).map(
    # A change has the timestamp of one second and is committed up to two minutes later; polls occur at any time.
    lambda drawn: [
        (f"rev:{number}", stamp * 1000, (stamp + late) * 1000) for number, (stamp, late, _) in enumerate(drawn)
    ]
)


@given(CHANGES, st.lists(st.integers(0, 800), max_size=20), st.data())
def test_late_change_is_neither_missed_nor_repeated(
    changes: list[tuple[str, int, int]], polls: list[int], draw: st.DataObject
) -> None:
    """Polls and restarts may occur at any time: each change is returned exactly once."""
    window, told = ChangeWindow(OVERLAP, 0), list[str]()
    for now in [*(1000 * poll for poll in sorted(polls)), 10_000_000]:
        visible = [(name, stamp) for name, stamp, committed in changes if committed <= now and stamp >= window.start]
        new = sorted([change for change in visible if change[0] not in window], key=lambda change: change[1])
        told += [name for name, _ in new]
        window.add(new)
        if draw.draw(st.booleans()):
            window = ChangeWindow.load(window.dump(), OVERLAP)
    assert sorted(told) == sorted(name for name, _, _ in changes)


def test_window_holds_only_changes_that_are_requested_again() -> None:
    """Its size depends on the overlap and not on the history of the wiki."""
    window = ChangeWindow(OVERLAP, 0)
    window.add((f"rev:{second}", second * 1000) for second in range(10_000))
    assert window.start == 9_999_000 - OVERLAP
    assert "rev:9879" in window
    assert "rev:9878" not in window


def test_no_change_before_begin_is_requested() -> None:
    """A source begins at its start and not an overlap before it."""
    window = ChangeWindow(OVERLAP, 50_000)
    assert window.start == 50_000
    window.add([("rev:1", 60_000)])
    assert window.start == 50_000
