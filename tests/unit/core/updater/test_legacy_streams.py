"""Events of the older streams become inputs of the core."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.updater.input_samples import (
    FILES,
    META_MS,
    NOW,
    legacy,
    legacy_slot,
    meta,
    origin,
    read,
    revision_create,
)

from wikistate.core.events.rejection import Filtered, FilterReason, RejectedEvent
from wikistate.core.updater.input_events import (
    PageDeleted,
    PageUndeleted,
    RevisionCreated,
)
from wikistate.core.updater.input_reader import InputReading


def test_time_of_the_older_streams_is_that_of_their_receipt() -> None:
    """They have no other time; a field that the schema does not know is not an error."""
    event = revision_create(x_new="unknown")
    assert read(event) == InputReading(META_MS, RevisionCreated("Q235989", META_MS, 62295, NOW, origin(event), 62290))


def test_offset_and_milliseconds_of_a_time_are_read() -> None:
    """``+00:00`` and fractions are read."""
    event = revision_create()
    event["meta"]["dt"] = "2025-03-04T06:06:11.5001+01:00"
    assert read(event).time == META_MS


@pytest.mark.parametrize("stream", ["mediawiki.page-delete", "mediawiki.page-suppress"])
def test_older_deletion_and_suppression_are_deletions(stream: str) -> None:
    """A deleted page and a suppressed page are both deletions."""
    event = legacy("/mediawiki/page/delete/1.0.0", stream)
    assert read(event).outcome == PageDeleted("Q235989", META_MS, 62295, NOW, origin(event))


def test_older_undeletion_is_read() -> None:
    """An undeletion restores a revision."""
    event = legacy("/mediawiki/page/undelete/1.0.0", "mediawiki.page-undelete", page_title="Property:P1")
    assert read(event).outcome == PageUndeleted("P1", META_MS, 62295, NOW, origin(event))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"meta": meta("mediawiki.revision-create", "en.wikipedia.org")}, "wiki"),
        ({"page_namespace": 2}, "namespace"),
        ({"page_title": "Main_Page"}, "no_entity"),
    ],
)
def test_irrelevant_events_of_the_older_streams_are_dropped(fields: dict[str, Any], reason: str) -> None:
    """Wiki, namespace and title decide, because the events do not describe the content of a deleted page."""
    assert read(revision_create(**fields)).outcome == Filtered(FilterReason(reason))


@pytest.mark.parametrize(
    ("slots", "kept"),
    [
        (None, False),
        ({"main": legacy_slot("wikitext")}, False),
        ({"main": legacy_slot("wikitext"), "mediainfo": legacy_slot("wikibase-mediainfo")}, True),
    ],
)
def test_files_of_the_older_streams_need_media_info(slots: Any, *, kept: bool) -> None:
    """A revision of a file counts when it has the slot of media info."""
    event = revision_create(page_namespace=6, page_title="File:A.jpg", **({"rev_slots": slots} if slots else {}))
    event["meta"]["domain"] = "commons.wikimedia.org"
    found = read(event, FILES).outcome
    assert isinstance(found, RevisionCreated) if kept else found == Filtered(FilterReason.NO_ENTITY)


@pytest.mark.parametrize(
    "event",
    [revision_create(rev_id=0), legacy("/mediawiki/page/undelete/1.0.0", "mediawiki.page-undelete", rev_id=0)],
)
def test_revision_0_does_not_exist(event: dict[str, Any]) -> None:
    """An event that saves or restores revision 0 is rejected: as a signed number it would mean deleted."""
    found = read(event).outcome
    assert isinstance(found, RejectedEvent)
    assert "The revision is 0" in found.message
