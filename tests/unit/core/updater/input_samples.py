"""Test events for the input reader, in the shapes of two wikis.

One wiki has items, properties and lexemes, the other has files.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.core.updater.input_events import (
    Origin,
)
from wikistate.core.updater.input_reader import EventFormat, InputReader, InputReading
from wikistate.core.updater.legacy_streams import (
    LegacyPageDeleteFormat,
    LegacyPageUndeleteFormat,
    LegacyRevisionCreateFormat,
)
from wikistate.core.updater.page_change_format import PageChangeFormat
from wikistate.core.updater.reconciliation import ReconciliationFormat
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
    """Return a reader of all streams, with the bundled schemas."""
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
    """Return the reading of a record with this event."""
    value = event if isinstance(event, bytes) else orjson.dumps(event)
    return reader(pages, source).read(Record(value, None, None, Partition("t"), 0), ingested=NOW)


def meta(stream: str = "mediawiki.page_change.v1", domain: str = DOMAIN) -> dict[str, Any]:
    """Return the field `meta` of an event."""
    return {"stream": stream, "id": "an-id", "dt": META_DT, "domain": domain, "request_id": "a-request"}


def change(kind: str = "edit", title: str = "Q235989", *, namespace: int = 0, **revision: Any) -> dict[str, Any]:
    """Return a page change; `revision` replaces fields of the revision, and None removes them."""
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
    """Return slots with this content model in the main slot."""
    return {"main": {"slot_role": "main", "content_model": model}}


def file_change(kind: str = "edit", *, media_info: bool = True, **revision: Any) -> dict[str, Any]:
    """Return a change of the page of a file."""
    slots = of_model("wikitext")
    if media_info:
        slots["mediainfo"] = {"slot_role": "mediainfo", "content_model": "wikibase-mediainfo"}
    event = change(kind, "File:A_seal.jpg", namespace=6, content_slots=slots, **revision)
    event["meta"]["domain"] = "commons.wikimedia.org"
    return event


def origin(event: dict[str, Any]) -> Origin:
    """Return the origin that operations get from an event."""
    own = event["meta"]
    return Origin(event["$schema"], own["dt"], own["id"], own["domain"], own["stream"], own["request_id"])


def legacy(schema: str, stream: str, **fields: Any) -> dict[str, Any]:
    """Return an event of one of the older streams."""
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
    """Return the event of a saved revision on the older stream."""
    stated = {"dt": DT, "rev_timestamp": DT, "rev_parent_id": 62290}
    return legacy("/mediawiki/revision/create/2.0.0", "mediawiki.revision-create", **(stated | fields))


def legacy_slot(model: str) -> dict[str, Any]:
    """Return a slot as the older streams describe it."""
    return {"rev_slot_content_model": model, "rev_slot_sha1": "abc", "rev_slot_size": 5}


def reconciliation(action: str = "CREATION", revision: int = 2257669841, **fields: Any) -> dict[str, Any]:
    """Return a reconciliation event."""
    return {
        "$schema": "/rdf_streaming_updater/reconcile/1.0.0",
        "meta": meta("rdf-streaming-updater.reconcile"),
        "item": "Q92474238",
        "revision_id": revision,
        "reconciliation_source": "hourly-check@site-a",
        "reconciliation_action": action,
        "original_event_info": {
            "$schema": "/x/1.0.0",
            "meta": {"dt": "2020-01-01T00:00:01Z", "stream": "x"},
            "dt": "2020-01-01T00:00:00Z",
        },
    } | fields
