"""The bundled schemas for the synchronisation of stores have the fields of the Event Platform's tables."""

from __future__ import annotations

import pytest
from tests.unit.core.events.schema_tables import META, flat, rows

from wikistate.core.events.bundled import SCHEMAS, STREAMS, read_bundled
from wikistate.core.events.documents import parse_document
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.stream_config import StreamConfigs

HEAD = f"""
$schema string!
meta object!
{META}
"""

RECEIVED_HEAD = HEAD.replace("meta.dt string ", "meta.dt string! ")
"""Fields of the streams whose events state the time at which they were received."""

CHANGE = f"""{HEAD}
dt string! format=date-time maxLength=128
entity_id string!
operation string! enum=diff|import|delete|reconcile
rdf_added_data object closed
rdf_added_data.data string!
rdf_added_data.mime_type string!
rdf_deleted_data object closed
rdf_deleted_data.data string!
rdf_deleted_data.mime_type string!
rdf_linked_shared_data object closed
rdf_linked_shared_data.data string!
rdf_linked_shared_data.mime_type string!
rdf_unlinked_shared_data object closed
rdf_unlinked_shared_data.data string!
rdf_unlinked_shared_data.mime_type string!
rev_id integer! minimum=0
sequence integer! minimum=0
sequence_length integer! minimum=1
"""

RECEIVED_META = META.replace("meta.dt string ", "meta.dt string! ")

ORIGINAL = f"""
original_event_info object!
original_event_info.$schema string!
original_event_info.dt string format=date-time maxLength=128
original_event_info.meta object!
{RECEIVED_META.replace("meta.", "original_event_info.meta.")}
"""

FOUND = f"""{RECEIVED_HEAD}{ORIGINAL}
dt string format=date-time maxLength=128
emitter_id string
item string!
original_ingestion_dt string! format=date-time maxLength=128
revision_id integer! minimum=0
"""

LAPSED = f"""{FOUND}
action_type string!
parent_revision_id integer minimum=0
"""

INCONSISTENT = f"""{LAPSED}
inconsistency string!
state_revision_id integer
state_status string! enum=UNDEFINED|CREATED|DELETED
"""

FAILED = f"""{FOUND}
exception_msg string!
exception_type string!
fetch_error_type string! enum=ENTITY_NOT_FOUND|NO_CONTENT|EMPTY_RESPONSE|UNEXPECTED_RESPONSE|UNKNOWN
from_revision_id integer minimum=0
op_type string! enum=diff|import|delete|reconcile
"""

RECONCILE = f"""{RECEIVED_HEAD}{ORIGINAL.replace("info object!", "info object")}
dt string format=date-time maxLength=128
item string!
reconciliation_action string! enum=CREATION|DELETION
reconciliation_source string!
revision_id integer! minimum=0
"""

PERFORMER = """
performer object
performer.user_edit_count integer minimum=0
performer.user_groups array!
performer.user_groups[] string minLength=1
performer.user_id integer
performer.user_is_bot boolean!
performer.user_registration_dt string format=date-time maxLength=128
performer.user_text string! minLength=1
"""

PAGE = f"""
{PERFORMER}
chronology_id string
comment string
database string! minLength=1
page_id integer! minimum=0
page_is_redirect boolean!
page_namespace integer!
page_title string! minLength=1
parsedcomment string
rev_id integer! minimum=0
"""

REVISION_CREATE = f"""{HEAD}
{PAGE.replace("page_id integer! minimum=0", "page_id integer! minimum=1").replace("array!", "array").replace("boolean!", "boolean").replace("user_text string!", "user_text string").replace("redirect boolean", "redirect boolean!")}
dt string! format=date-time maxLength=128
rev_content_changed boolean
rev_content_format string
rev_content_model string
rev_is_revert boolean
rev_len integer
rev_minor_edit boolean
rev_parent_id integer minimum=0
rev_revert_details object
rev_revert_details.rev_is_exact_revert boolean!
rev_revert_details.rev_original_rev_id integer
rev_revert_details.rev_revert_method string! enum=rollback|undo|manual
rev_revert_details.rev_reverted_revs array!
rev_revert_details.rev_reverted_revs[] integer
rev_sha1 string
rev_slots object
rev_slots.main object! closed
rev_slots.main.rev_slot_content_model string!
rev_slots.main.rev_slot_origin_rev_id integer minimum=0
rev_slots.main.rev_slot_sha1 string!
rev_slots.main.rev_slot_size integer! minimum=0
rev_slots.<key> object closed
rev_slots.<key>.rev_slot_content_model string!
rev_slots.<key>.rev_slot_origin_rev_id integer minimum=0
rev_slots.<key>.rev_slot_sha1 string!
rev_slots.<key>.rev_slot_size integer! minimum=0
rev_timestamp string! format=date-time maxLength=128
"""

PAGE_DELETE = f"""{RECEIVED_HEAD}{PAGE}
rev_count integer
"""

PAGE_UNDELETE = f"""{RECEIVED_HEAD}{PAGE}
prior_state object
prior_state.page_id integer! minimum=1
"""

TABLES = {
    "/mediawiki/wikibase/entity/rdf_change/2.0.0": CHANGE,
    "/rdf_streaming_updater/lapsed_action/1.1.0": LAPSED,
    "/rdf_streaming_updater/state_inconsistency/1.1.0": INCONSISTENT,
    "/rdf_streaming_updater/fetch_failure/1.2.0": FAILED,
    "/rdf_streaming_updater/reconcile/1.0.0": RECONCILE,
    "/mediawiki/revision/create/2.0.0": REVISION_CREATE,
    "/mediawiki/page/delete/1.0.0": PAGE_DELETE,
    "/mediawiki/page/undelete/1.0.0": PAGE_UNDELETE,
}


@pytest.mark.parametrize("uri", TABLES)
def test_each_schema_has_the_published_fields(uri: str) -> None:
    """Types, constraints and requirements are as published, and there is no other field."""
    document = SchemaRepository([SCHEMAS], read_bundled).get_by_uri(uri).document
    assert set(flat(document)) == rows(TABLES[uri], uri.rpartition("/")[2])


def test_older_form_of_mutations_differs_only_in_names() -> None:
    """A schema that was never published has the fields of its successor, three of them under other names."""
    document = SchemaRepository([SCHEMAS], read_bundled).get("wikibase/rdf/update_stream", "1.0.0").document
    renamed = {"event_time ": "dt ", "entity ": "entity_id ", "revision ": "rev_id "}
    found = set()
    for line in flat(document):
        new = next((line.replace(old, name, 1) for old, name in renamed.items() if line.startswith(old)), line)
        found.add(new)
    assert found == rows(CHANGE, "2.0.0")


@pytest.mark.parametrize(
    ("stream", "title"),
    [
        ("rdf-streaming-updater.mutation.v2", "mediawiki/wikibase/entity/rdf_change"),
        ("rdf-streaming-updater.mutation-main.v2", "mediawiki/wikibase/entity/rdf_change"),
        ("rdf-streaming-updater.mutation-scholarly.v2", "mediawiki/wikibase/entity/rdf_change"),
        ("mediainfo-streaming-updater.mutation.v2", "mediawiki/wikibase/entity/rdf_change"),
        ("rdf-streaming-updater.mutation", "wikibase/rdf/update_stream"),
        ("rdf-streaming-updater.lapsed-action", "rdf_streaming_updater/lapsed_action"),
        ("rdf-streaming-updater.state-inconsistency", "rdf_streaming_updater/state_inconsistency"),
        ("rdf-streaming-updater.fetch-failure", "rdf_streaming_updater/fetch_failure"),
        ("rdf-streaming-updater.reconcile", "rdf_streaming_updater/reconcile"),
        ("mediawiki.revision-create", "mediawiki/revision/create"),
        ("mediawiki.page-delete", "mediawiki/page/delete"),
        ("mediawiki.page-suppress", "mediawiki/page/delete"),
        ("mediawiki.page-undelete", "mediawiki/page/undelete"),
    ],
)
def test_each_stream_has_its_schema_and_the_topics_of_two_sites(stream: str, title: str) -> None:
    """Streams, schemas and topics are those of the public stream configuration; none has a message key."""
    config = StreamConfigs.parse(parse_document(read_bundled(STREAMS) or b"", STREAMS), STREAMS).get(stream)
    assert config.schema_title == title
    assert config.topics == (f"eqiad.{stream}", f"codfw.{stream}")
    assert config.message_key_fields == {}
