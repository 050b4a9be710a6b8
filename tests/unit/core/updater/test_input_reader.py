"""What happened to entities, read from page changes, from the older streams and from reconciliations.

The events are of our own making, in the shapes that a wiki with items, properties and lexemes and one with files send.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given
from tests.unit.core.events.strategies import JSON

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.rejection import Filtered, FilterReason, RejectedEvent
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.core.updater.input_events import (
    InputEvent,
    Origin,
    PageDeleted,
    PageUndeleted,
    Reconcile,
    ReconcileAction,
    RevisionCreated,
)
from wikistate.core.updater.input_reader import EventFormat, InputReader, InputReading
from wikistate.core.updater.legacy_streams import (
    LegacyPageDeleteFormat,
    LegacyPageUndeleteFormat,
    LegacyRevisionCreateFormat,
)
from wikistate.core.updater.page_change_format import PageChangeFormat
from wikistate.core.updater.reconciliation import ReconcileStream, ReconciliationFormat
from wikistate.errors import ConfigError
from wikistate.streaming.record import Partition, Record

DOMAIN = "test.wikidata.org"
MODELS = frozenset({"wikibase-item", "wikibase-property", "wikibase-lexeme"})
ITEMS = EntityPages(domain=DOMAIN, namespaces=frozenset({0, 120, 146}), content_models=MODELS)
FILES = EntityPages(
    domain="commons.wikimedia.org",
    namespaces=frozenset(),
    mediainfo_namespaces=frozenset({6}),
    mediainfo_slot="mediainfo",
)

NOW = 1_767_225_600_000
DT, DT_MS = "2025-03-04T05:06:07Z", 1_741_064_767_000
META_DT, META_MS = "2025-03-04T05:06:11.500Z", 1_741_064_771_500


@cache
def reader(pages: EntityPages = ITEMS, source: str | None = None) -> InputReader:
    """Reads all streams, with the bundled schemas."""
    schemas = SchemaRepository([SCHEMAS], read_bundled)
    shapes: list[tuple[str, EventFormat]] = [
        ("/mediawiki/page/change/1.7.0", PageChangeFormat(pages)),
        ("/mediawiki/revision/create/2.0.0", LegacyRevisionCreateFormat(pages)),
        ("/mediawiki/page/delete/1.0.0", LegacyPageDeleteFormat(pages)),
        ("/mediawiki/page/undelete/1.0.0", LegacyPageUndeleteFormat(pages)),
        ("/rdf_streaming_updater/reconcile/1.0.0", ReconciliationFormat(pages.domain, source)),
    ]
    return InputReader((schemas.get_by_uri(uri), shape) for uri, shape in shapes)


def read(event: Any, pages: EntityPages = ITEMS, source: str | None = None) -> InputReading:
    """What a record with this event says."""
    value = event if isinstance(event, bytes) else orjson.dumps(event)
    return reader(pages, source).read(Record(value, None, None, Partition("t"), 0), ingested=NOW)


def meta(stream: str = "mediawiki.page_change.v1", domain: str = DOMAIN) -> dict[str, Any]:
    """`meta` of an event."""
    return {"stream": stream, "id": "an-id", "dt": META_DT, "domain": domain, "request_id": "a-request"}


def change(kind: str = "edit", title: str = "Q235989", *, namespace: int = 0, **revision: Any) -> dict[str, Any]:
    """A page change; what `revision` names replaces or, when None, removes a field."""
    stated = {
        "rev_id": 686139,
        "rev_parent_id": 686138,
        "rev_dt": DT,
        "content_slots": {"main": {"slot_role": "main", "content_model": "wikibase-item"}},
    } | revision
    return {
        "$schema": "/mediawiki/page/change/1.2.0",
        "meta": meta(),
        "dt": DT,
        "changelog_kind": {"create": "insert", "undelete": "insert", "delete": "delete"}.get(kind, "update"),
        "page_change_kind": kind,
        "wiki_id": "testwikidatawiki",
        "page": {"page_id": 245132, "page_title": title, "namespace_id": namespace},
        "revision": {name: value for name, value in stated.items() if value is not None},
    }


def of_model(model: str) -> dict[str, Any]:
    """Slots with this content in the main one."""
    return {"main": {"slot_role": "main", "content_model": model}}


def file_change(kind: str = "edit", *, media_info: bool = True, **revision: Any) -> dict[str, Any]:
    """A change of a file's page."""
    slots = of_model("wikitext")
    if media_info:
        slots["mediainfo"] = {"slot_role": "mediainfo", "content_model": "wikibase-mediainfo"}
    event = change(kind, "File:A_seal.jpg", namespace=6, content_slots=slots, **revision)
    event["meta"]["domain"] = "commons.wikimedia.org"
    return event


def origin(event: dict[str, Any]) -> Origin:
    """Where operations say that they come from."""
    own = event["meta"]
    return Origin(event["$schema"], own["dt"], own["id"], own["domain"], own["stream"], own["request_id"])


def test_a_new_item() -> None:
    """A page that was created has no revision before its first."""
    event = change("create", rev_id=686138, rev_parent_id=None)
    expected = RevisionCreated("Q235989", DT_MS, 686138, NOW, origin(event), None)
    assert read(event) == InputReading(DT_MS, expected)
    assert read(change("create", rev_id=686138, rev_parent_id=0)).outcome == expected, "0 stands for none"


@pytest.mark.parametrize("kind", ["edit", "move"])
def test_a_new_revision(kind: str) -> None:
    """Moves save a revision, too. Schema and `meta` are kept for later events."""
    event = change(kind)
    assert read(event).outcome == RevisionCreated("Q235989", DT_MS, 686139, NOW, origin(event), 686138)


@pytest.mark.parametrize("slots", [of_model("wikibase-item"), None], ids=["deleted", "suppressed"])
def test_a_deletion(slots: Any) -> None:
    """Of a suppressed page nobody says what it held, and yet it goes."""
    event = change("delete", rev_id=686140, content_slots=slots)
    assert read(event).outcome == PageDeleted("Q235989", DT_MS, 686140, NOW, origin(event))


def test_an_undeletion() -> None:
    """It restores a revision."""
    event = change("undelete", rev_id=686140)
    assert read(event).outcome == PageUndeleted("Q235989", DT_MS, 686140, NOW, origin(event))


@pytest.mark.parametrize(
    ("title", "namespace", "model", "entity"),
    [("Property:P115", 120, "wikibase-property", "P115"), ("Lexeme:L4227", 146, "wikibase-lexeme", "L4227")],
)
def test_properties_and_lexemes(title: str, namespace: int, model: str, entity: str) -> None:
    """Their ids stand behind the name of the namespace."""
    found = read(change("edit", title, namespace=namespace, content_slots=of_model(model))).outcome
    assert isinstance(found, RevisionCreated)
    assert (found.entity, found.parent) == (entity, 686138)


def test_files_with_media_info() -> None:
    """The entity is named after the page; an edit and a move of it count."""
    edited = read(file_change(rev_id=934984984, rev_parent_id=830021987), FILES).outcome
    assert isinstance(edited, RevisionCreated)
    assert (edited.entity, edited.revision, edited.parent) == ("M245132", 934984984, 830021987)
    moved = read(file_change("move", rev_id=930818273), FILES)
    assert isinstance(moved.outcome, RevisionCreated)
    assert (moved.time, moved.outcome.time) == (DT_MS, DT_MS), "when it happened, not when it was received"


def without_revision() -> dict[str, Any]:
    """An edit that does not say what was saved."""
    event = change()
    del event["revision"]
    return event


def elsewhere(domain: str) -> dict[str, Any]:
    """An edit on another wiki."""
    event = change()
    event["meta"]["domain"] = domain
    return event


DROPPED = [
    (change("visibility_change"), ITEMS, "kind"),
    (change(title="Main_Page", content_slots=of_model("wikitext")), ITEMS, "content_model"),
    (change(content_slots={"other": of_model("wikibase-item")["main"]}), ITEMS, "content_model"),
    (change(content_slots=None), ITEMS, "content_model"),
    (change("undelete", content_slots=None), ITEMS, "content_model"),
    (change("delete", "Main_Page", content_slots=None), ITEMS, "no_entity"),
    (change(title="User:Somebody", namespace=2), ITEMS, "namespace"),
    (change(title="Talk:Q1", namespace=1), ITEMS, "namespace"),
    (elsewhere("www.wikidata.org"), ITEMS, "wiki"),
    (elsewhere("canary"), ITEMS, "canary"),
    (file_change(media_info=False), FILES, "content_model"),
    (file_change(), ITEMS, "wiki"),
]


@pytest.mark.parametrize(("event", "pages", "reason"), DROPPED)
def test_what_is_dropped(event: dict[str, Any], pages: EntityPages, reason: str) -> None:
    """Each with a named reason, and it still says what time it is in its partition."""
    assert read(event, pages) == InputReading(DT_MS, Filtered(FilterReason(reason)))


def test_deletions_of_files_are_kept_whatever_they_held() -> None:
    """A file that is suppressed is named after its page like any other."""
    event = file_change("delete")
    del event["revision"]["content_slots"]
    found = read(event, FILES).outcome
    assert isinstance(found, PageDeleted)
    assert found.entity == "M245132"


REFUSED = [
    (without_revision(), "InvalidEvent", "revision"),
    (change(title="Q42/../../Special:Secret"), "InvalidInput", "is not an entity id"),
    (change("delete", "Q42/../P1", content_slots=None), "InvalidInput", "is not an entity id"),
    (change(title="Q99999999999999999999"), "InvalidInput", "is not an entity id"),
    (change(title="Main_Page"), "InvalidInput", "is not an entity id"),
    (change() | {"dt": "0000-01-01T00:00:00Z"}, "InvalidInput", "dt is"),
    (change() | {"wiki_id": 7}, "InvalidEvent", "wiki_id"),
    ({"$schema": "/mediawiki/page/move/1.0.0", "meta": meta()}, "WrongSchema", "/mediawiki/page/change/"),
    (b"{", "NotJson", "not JSON"),
    (b"[]", "NotAnObject", "list"),
]


@pytest.mark.parametrize(("event", "error_type", "message"), REFUSED)
def test_what_is_refused(event: Any, error_type: str, message: str) -> None:
    """What cannot be right becomes an error event that says why: a page of entities' content whose title is no id, too."""
    found = read(event).outcome
    assert isinstance(found, RejectedEvent)
    assert found.error_type == error_type
    assert message in found.message


# The streams that there were before.


def legacy(schema: str, stream: str, **fields: Any) -> dict[str, Any]:
    """An event of one of the older streams."""
    return {
        "$schema": schema,
        "meta": meta(stream),
        "database": "testwikidatawiki",
        "page_id": 245132,
        "page_is_redirect": False,
        "page_namespace": 0,
        "page_title": "Q235989",
        "rev_id": 62295,
    } | fields


def revision_create(**fields: Any) -> dict[str, Any]:
    """A revision was saved."""
    stated = {"dt": DT, "rev_timestamp": DT, "rev_parent_id": 62290}
    return legacy("/mediawiki/revision/create/2.0.0", "mediawiki.revision-create", **(stated | fields))


def legacy_slot(model: str) -> dict[str, Any]:
    """A slot as the older streams describe it."""
    return {"rev_slot_content_model": model, "rev_slot_sha1": "abc", "rev_slot_size": 5}


def test_the_time_of_the_older_streams_is_when_they_were_received() -> None:
    """They state no other; a field that the schema does not know is no error."""
    event = revision_create(x_new="unknown")
    assert read(event) == InputReading(META_MS, RevisionCreated("Q235989", META_MS, 62295, NOW, origin(event), 62290))


def test_an_offset_and_milliseconds_in_the_time() -> None:
    """``+00:00`` and fractions are read."""
    event = revision_create()
    event["meta"]["dt"] = "2025-03-04T06:06:11.5001+01:00"
    assert read(event).time == META_MS


@pytest.mark.parametrize("stream", ["mediawiki.page-delete", "mediawiki.page-suppress"])
def test_an_older_deletion(stream: str) -> None:
    """Deleted or suppressed, it is gone."""
    event = legacy("/mediawiki/page/delete/1.0.0", stream)
    assert read(event).outcome == PageDeleted("Q235989", META_MS, 62295, NOW, origin(event))


def test_an_older_undeletion() -> None:
    """It restores a revision."""
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
def test_what_is_dropped_of_the_older_streams(fields: dict[str, Any], reason: str) -> None:
    """By wiki, by namespace, and by title, because they do not say what a page that is gone held."""
    assert read(revision_create(**fields)).outcome == Filtered(FilterReason(reason))


@pytest.mark.parametrize(
    ("slots", "kept"),
    [
        (None, False),
        ({"main": legacy_slot("wikitext")}, False),
        ({"main": legacy_slot("wikitext"), "mediainfo": legacy_slot("wikibase-mediainfo")}, True),
    ],
)
def test_files_of_the_older_streams(slots: Any, *, kept: bool) -> None:
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
    """What says that it was saved or restored is refused: remembered as a signed number it would read as deleted."""
    found = read(event).outcome
    assert isinstance(found, RejectedEvent)
    assert "The revision is 0" in found.message


# Reconciliations.


def reconciliation(action: str = "CREATION", revision: int = 2257669841, **fields: Any) -> dict[str, Any]:
    """Somebody asks."""
    return {
        "$schema": "/rdf_streaming_updater/reconcile/1.0.0",
        "meta": meta("rdf-streaming-updater.reconcile"),
        "item": "Q92474238",
        "revision_id": revision,
        "reconciliation_source": "hourly-check@site-a",
        "reconciliation_action": action,
        "original_event_info": {"$schema": "/x/1.0.0", "meta": {"stream": "x"}, "dt": "2020-01-01T00:00:00Z"},
    } | fields


def test_a_reconciliation() -> None:
    """Its time is its own `dt`, else when it was received; the watermark goes by the latter. What it is about it says."""
    event = reconciliation(dt=DT)
    expected = Reconcile("Q92474238", DT_MS, 2257669841, NOW, origin(event), ReconcileAction.CREATION)
    assert read(event, source="hourly-check@site-a") == InputReading(META_MS, expected)
    assert read(reconciliation()).outcome == expected._replace(time=META_MS)


def test_reconciliations_of_others() -> None:
    """With a source set, those of another are dropped."""
    assert read(reconciliation(), source="hourly-check@site-b").outcome == Filtered(FilterReason.RECONCILIATION_SOURCE)
    assert isinstance(read(reconciliation()).outcome, Reconcile)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (reconciliation(item="Main_Page"), "is not an entity id"),
        (reconciliation(item="../Q1"), "is not an entity id"),
        (reconciliation(item="L1-F1"), "part of L1"),
        (reconciliation(revision=0), "The revision is 0"),
        (reconciliation(action="DESTROY"), "reconciliation_action"),
    ],
)
def test_reconciliations_that_cannot_be_right(event: dict[str, Any], message: str) -> None:
    """They are refused with the reason."""
    found = read(event).outcome
    assert isinstance(found, RejectedEvent)
    assert message in found.message


def test_a_forced_deletion_is_of_revision_0() -> None:
    """For a deletion, 0 says: whatever was seen."""
    found = read(reconciliation("DELETION", 0)).outcome
    assert isinstance(found, Reconcile)
    assert found.revision == 0


def test_the_stream_of_reconciliations_may_name_a_source() -> None:
    """``name`` or ``name[source]``; anything else is an error that names the setting."""
    assert ReconcileStream.parse("a.b") == ReconcileStream("a.b", None)
    assert ReconcileStream.parse("a.b[x@y]") == ReconcileStream("a.b", "x@y")
    for wrong in ("", "a b", "a[", "a[]", "a[b]c", "a[b][c]"):
        with pytest.raises(ConfigError, match=r"rdf\.reconcile is"):
            ReconcileStream.parse(wrong, key="rdf.reconcile")


# Anything.


@given(JSON, JSON, JSON)
def test_nothing_that_is_read_breaks_the_reader(one: Any, other: Any, third: Any) -> None:
    """Whatever stands where: an input, a drop or a refusal, never an exception."""
    for event in (change(), revision_create(), reconciliation(), file_change("delete")):
        for pages in (ITEMS, FILES):
            for name in event:
                if name != "$schema":
                    read(event | {name: one}, pages)
            read(event | {"page": one, "revision": other, "page_change_kind": third}, pages)
            read(event | {"meta": event["meta"] | {"dt": one}, "revision": {"content_slots": other}}, pages)
            read(event | {"page": {"namespace_id": one, "page_title": other, "page_id": third}}, pages)
            read(event | {"page_namespace": one, "page_title": other, "rev_slots": third}, pages)


def test_nothing_comes_from_the_future() -> None:
    """A wrong clock would put the watermark ahead of everybody for years, and its own event would never have its turn."""
    for event in (change() | {"dt": "2999-01-01T00:00:00Z"}, reconciliation(dt="2999-01-01T00:00:00Z")):
        found = read(event).outcome
        assert isinstance(found, RevisionCreated | Reconcile)
        assert found.time == NOW
    assert read(change() | {"dt": "2999-01-01T00:00:00Z"}).time == NOW
    assert read(elsewhere("x") | {"dt": "2999-01-01T00:00:00Z"}).time == NOW
    ahead = NOW + 30_000
    assert read(change() | {"dt": format_timestamp(ahead)}).time == ahead, "clocks may differ by some seconds"


def test_a_refused_event_goes_along() -> None:
    """For the ids that an error event copies."""
    event = change(title="Q42/..")
    found: InputEvent | Filtered | RejectedEvent = read(event).outcome
    assert isinstance(found, RejectedEvent)
    assert found.event == event
