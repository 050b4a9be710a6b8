"""Reconciliations become inputs of the core."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.updater.input_samples import (
    DT,
    DT_MS,
    META_MS,
    NOW,
    origin,
    read,
    reconciliation,
)

from wikistate.core.events.rejection import Filtered, FilterReason, RejectedEvent
from wikistate.core.updater.input_events import (
    Reconcile,
    ReconcileAction,
)
from wikistate.core.updater.input_reader import InputReading
from wikistate.core.updater.reconciliation import ReconcileStream
from wikistate.errors import ConfigError


def test_reconciliation_is_read_with_its_time() -> None:
    """Its time is its own `dt`, or else the time of receipt; the watermark always uses the time of receipt."""
    event = reconciliation(dt=DT)
    expected = Reconcile("Q92474238", DT_MS, 2257669841, NOW, origin(event), ReconcileAction.CREATION)
    assert read(event, source="hourly-check@site-a") == InputReading(META_MS, expected)
    assert read(reconciliation()).outcome == expected._replace(time=META_MS)


def test_reconciliations_of_other_sources_are_dropped() -> None:
    """If a source is configured, reconciliations of other sources are dropped."""
    assert read(reconciliation(), source="hourly-check@site-b").outcome == Filtered(FilterReason.RECONCILIATION_SOURCE)
    assert isinstance(read(reconciliation()).outcome, Reconcile)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (reconciliation(item="Main_Page"), "is no entity id"),
        (reconciliation(item="../Q1"), "is no entity id"),
        (reconciliation(item="L1-F1"), "part of L1"),
        (reconciliation(revision=0), "The revision is 0"),
        (reconciliation(action="DESTROY"), "reconciliation_action"),
    ],
)
def test_invalid_reconciliations_are_rejected(event: dict[str, Any], message: str) -> None:
    """The rejection has the reason."""
    found = read(event).outcome
    assert isinstance(found, RejectedEvent)
    assert message in found.message


def test_forced_deletion_has_revision_0() -> None:
    """A deletion of revision 0 applies to any known revision."""
    found = read(reconciliation("DELETION", 0)).outcome
    assert isinstance(found, Reconcile)
    assert found.revision == 0


def test_stream_of_reconciliations_may_name_a_source() -> None:
    """``name`` or ``name[source]``; anything else is an error that names the setting."""
    assert ReconcileStream.parse("a.b") == ReconcileStream("a.b", None)
    assert ReconcileStream.parse("a.b[x@y]") == ReconcileStream("a.b", "x@y")
    for wrong in ("", "a b", "a[", "a[]", "a[b]c", "a[b][c]"):
        with pytest.raises(ConfigError, match=r"rdf\.reconcile is"):
            ReconcileStream.parse(wrong, key="rdf.reconcile")
