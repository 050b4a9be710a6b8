"""The bundled schemas have the fields that the Event Platform's published tables state, version by version."""

from __future__ import annotations

import pytest
from tests.unit.core.events.schema_tables import LARGEST, META, fields, flat, rows

from wikistate.core.events.bundled import SCHEMAS, bundled_uris, read_bundled
from wikistate.core.events.repository import SchemaRepository

PAGE_CHANGE = ("1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.7.0", "1.11.0")

ERROR = f"""
$schema string!
dt string! format=date-time maxLength=128
emitter_id string!
error_type string
errored_schema_uri string
errored_stream_name string
message string!
meta object!
{META}
raw_event string
stack string
triggered_by string
"""

USER = """
edit_count integer minimum=0
edit_global_count integer >=1.10
first_edit_dt string format=date-time maxLength=128 >=1.8
groups array
groups[] string minLength=1
is_bot boolean
is_system boolean
is_temp boolean
registration_dt string format=date-time maxLength=128
user_central_id integer minimum=0 >=1.3
user_id integer minimum=0
user_text string minLength=1
wiki_id string >=1.6
"""

PAGE = """
is_redirect boolean
namespace_id integer minimum=0 <1.7
namespace_id integer >=1.7
namespace_is_content boolean >=1.5
page_id integer minimum=0
page_title string minLength=1
revision_count integer minimum=0
"""

REVISION = """
comment string
content_slots object
content_slots.<key> object closed
content_slots.<key>.content_body string
content_slots.<key>.content_format string
content_slots.<key>.content_model string
content_slots.<key>.content_sha1 string
content_slots.<key>.content_size integer minimum=0
content_slots.<key>.origin_rev_id integer minimum=0
content_slots.<key>.slot_role string
editor object closed
is_comment_visible boolean
is_content_visible boolean
is_editor_visible boolean
is_minor_edit boolean
rev_dt string format=date-time maxLength=128
rev_id integer minimum=1
rev_parent_id integer minimum=0
rev_sha1 string
rev_size integer minimum=0
"""

REDIRECT_LINK = """
page.redirect_page_link object closed >=1.1
page.redirect_page_link.interwiki_prefix string >=1.1
page.redirect_page_link.is_redirect boolean >=1.1
page.redirect_page_link.namespace_id integer minimum=0 >=1.1 <1.7
page.redirect_page_link.namespace_id integer >=1.7
page.redirect_page_link.page_id integer minimum=0 >=1.1
page.redirect_page_link.page_title string minLength=1 >=1.1
page.redirect_page_link.wikibase_item_id string >=1.11
"""

REVERT = """
revision.revert object closed >=1.4
revision.revert.is_exact boolean >=1.4
revision.revert.method string enum=rollback|undo|manual >=1.4
revision.revert.rev_original_dt string format=date-time maxLength=128 >=1.4
revision.revert.rev_original_id integer >=1.4
revision.revert.rev_reverted_newest_id integer >=1.9
revision.revert.rev_reverted_oldest_id integer >=1.9
"""


def under(path: str, table: str, *, required: tuple[str, ...] = ()) -> str:
    """Return the table with each path moved under another path, and some fields required there."""
    lines = (line.split(" ", 2) for line in table.split("\n") if line)
    moved = ([f"{path}.{name}", kind + "!" * (name in required), *rest] for name, kind, *rest in lines)
    return "\n".join(map(" ".join, moved))


CHANGE = f"""
$schema string!
changelog_kind string! enum=insert|update|delete
comment string
created_redirect_page object closed
{under("created_redirect_page", PAGE, required=("page_id", "page_title"))}
dt string! format=date-time maxLength=128
meta object!
{META}
page object! closed
{under("page", PAGE, required=("page_id", "page_title"))}
{REDIRECT_LINK}
page.wikibase_item_id string >=1.11
page_change_kind string! enum=create|undelete|edit|move|delete|visibility_change
performer object! closed <1.2
performer object closed >=1.2
{under("performer", USER)}
prior_state object
prior_state.page object closed
{under("prior_state.page", PAGE)}
prior_state.revision object closed
{under("prior_state.revision", REVISION)}
{under("prior_state.revision.editor", USER)}
revision object! closed
{under("revision", REVISION, required=("rev_id", "rev_dt"))}
{under("revision.editor", USER)}
{REVERT}
wiki_id string! minLength=1
"""


@pytest.fixture(name="schemas")
def bundled_schemas() -> SchemaRepository:
    """Return the bundled repository."""
    return SchemaRepository([SCHEMAS], read_bundled)


STORES = [
    ("mediawiki/wikibase/entity/rdf_change", "2.0.0"),
    ("wikibase/rdf/update_stream", "1.0.0"),
    ("rdf_streaming_updater/lapsed_action", "1.1.0"),
    ("rdf_streaming_updater/state_inconsistency", "1.1.0"),
    ("rdf_streaming_updater/fetch_failure", "1.2.0"),
    ("rdf_streaming_updater/reconcile", "1.0.0"),
    ("mediawiki/revision/create", "2.0.0"),
]
OPEN = [("mediawiki/page/delete", "1.0.0"), ("mediawiki/page/undelete", "1.0.0")]
"""Schemas that were published before events were closed."""

ALL = [*(("mediawiki/page/change", version) for version in PAGE_CHANGE), ("error", "2.1.0"), *STORES, *OPEN]


@pytest.mark.parametrize("version", PAGE_CHANGE)
def test_page_change_has_the_published_fields(schemas: SchemaRepository, version: str) -> None:
    """Each version has its published fields, with their types, constraints and requirements, and no other."""
    document = schemas.get("mediawiki/page/change", version).document
    assert set(flat(document)) == rows(CHANGE, version)


def test_error_has_the_published_fields(schemas: SchemaRepository) -> None:
    """The error schema 2.1.0 has the published fields and no other."""
    assert set(flat(schemas.get("error", "2.1.0").document)) == rows(ERROR, "2.1.0")


def test_table_has_the_published_number_of_fields() -> None:
    """The tables were not shortened together with the schemas: 1.3.0 has 111 published fields without the root."""
    assert len(rows(CHANGE, "1.3.0")) == 111
    assert len(rows(ERROR, "2.1.0")) == 17


@pytest.mark.parametrize(("title", "version"), ALL)
def test_schemas_are_materialised(schemas: SchemaRepository, title: str, version: str) -> None:
    """The schema names itself, every field has a description, every integer is bounded, and there are no references.

    The root is closed, except in the oldest schemas.
    """
    document = schemas.get(title, version).document
    assert (document["title"], document["$id"]) == (title, f"/{title}/{version}")
    assert document.get("additionalProperties", True) is ((title, version) in OPEN)
    assert document["description"]
    for field in fields(document):
        assert field["description"]
        assert not {"$ref", "allOf", "anyOf", "oneOf"} & field.keys()
        assert field["type"] != "integer" or field["maximum"] == LARGEST


@pytest.mark.parametrize(("title", "version"), ALL)
def test_example_is_valid_and_has_its_own_version(schemas: SchemaRepository, title: str, version: str) -> None:
    """Canary events are made from the first example, so it must be valid."""
    schema = schemas.get(title, version)
    example = schema.document["examples"][0]
    assert schema.describe_violations(example) == ""
    assert schema.is_valid(example)
    assert example["$schema"] == schema.uri


@pytest.mark.parametrize("older", PAGE_CHANGE[:-1])
def test_newer_event_projected_to_an_older_version_is_valid(schemas: SchemaRepository, older: str) -> None:
    """Evolution only adds optional fields, so an event without its newer fields is an older event."""
    newest = schemas.get("mediawiki/page/change", "1.11.0").document["examples"][0]
    schema = schemas.get("mediawiki/page/change", older)
    assert not schema.is_valid(newest)
    assert schema.describe_violations(schema.project(newest)) == ""


def test_projection_to_1_7_removes_exactly_the_newer_fields(schemas: SchemaRepository) -> None:
    """From 1.11.0 to 1.7.0 an event loses the item, the first edit, the global count, and the bounds of the revert."""
    newest = schemas.get("mediawiki/page/change", "1.11.0").document["examples"][0]
    kept = schemas.get("mediawiki/page/change", "1.7.0").project(newest)
    lost = ("first_edit_dt", "edit_global_count")
    assert newest["page"].keys() - kept["page"].keys() == {"wikibase_item_id"}
    assert newest["performer"].keys() - kept["performer"].keys() == set(lost)
    assert newest["revision"]["revert"].keys() - kept["revision"]["revert"].keys() == {
        "rev_reverted_oldest_id",
        "rev_reverted_newest_id",
    }
    assert kept["prior_state"]["revision"]["editor"].keys().isdisjoint(lost)
    assert kept["revision"]["content_slots"] == newest["revision"]["content_slots"]


def test_every_bundled_document_is_listed_and_can_be_read() -> None:
    """The listing names the streams and each schema, and each of them can be read."""
    uris = bundled_uris()
    assert "bundled:streams.yaml" in uris
    assert {f"{SCHEMAS}/{title}/{version}.yaml" for title, version in ALL} == set(uris) - {"bundled:streams.yaml"}
    assert all(read_bundled(uri) for uri in uris)


@pytest.mark.parametrize(
    "uri", ["bundled:../meta.py", "bundled:jsonschema", "bundled:", "bundled:/etc/hosts", "file:x"]
)
def test_only_documents_are_read_from_the_bundle(uri: str) -> None:
    """A URI that leads out of the bundle, to a folder, or to another scheme has no document."""
    assert read_bundled(uri) is None
