"""Numbers from outside: each is bounded where it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Triple

from wikistate.adapters.connectors.eventstreams.event_id import parse_event_id
from wikistate.adapters.connectors.kafka.java_client import to_java_properties
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings, build_producer_properties
from wikistate.adapters.http.client import parse_retry_after
from wikistate.adapters.mediawiki.wikibase_site import parse_site
from wikistate.adapters.triplestore.freshness import FreshnessFile
from wikistate.adapters.triplestore.responses import parse_change_count
from wikistate.core.enrichment.plan import Reject, plan_fetch
from wikistate.core.events.integers import MAX_INTEGER, is_integer, parse_integer, read_integer
from wikistate.core.rdf.graph import read_revision
from wikistate.core.rdf.uris import Uris
from wikistate.core.rdf.vocabulary import VERSION
from wikistate.core.sparql.queries import read_largest_number, read_newest_change, read_state, read_versions
from wikistate.core.updater.input_reader import require_revision
from wikistate.core.updater.message_fields import read_number
from wikistate.core.updater.store_state import parse_token
from wikistate.errors import ConfigError, InputError, StateError, StoreError, WikiError
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile

if TYPE_CHECKING:
    from pathlib import Path

TOO_LARGE = ["9223372036854775808", "9" * 30, "9" * 5000]
URIS = Uris.for_wikibase("http://wiki.example")


@given(st.integers(0, 2**70))
def test_text_is_parsed_up_to_64_bits(number: int) -> None:
    """The largest number fits into SQLite, Kafka and every store."""
    assert parse_integer(str(number)) == (number if number <= MAX_INTEGER else None)
    assert parse_integer(f"000{number}") == (number if number <= MAX_INTEGER else None)
    assert is_integer(number) is (number <= MAX_INTEGER)


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e3", "٣", " 1", "²", *TOO_LARGE])
def test_other_text_is_not_a_number(text: str) -> None:
    """No exception is raised, whatever the length."""
    assert parse_integer(text) is None


@pytest.mark.parametrize("found", [2**63, 2**64 - 1, 1e22, 5.0, True, "1", None])
def test_number_of_an_event_is_rejected(found: object) -> None:
    """Revisions and offsets of messages, revisions of changes, and revisions to fetch."""
    with pytest.raises(InputError, match=str(MAX_INTEGER)):
        read_number({"rev_id": found}, "rev_id", minimum=0)
    with pytest.raises(InputError, match=str(MAX_INTEGER)):
        require_revision(found)  # type: ignore[arg-type]
    plan = plan_fetch({"revision": {"rev_id": found}, "meta": {"domain": "w.example"}})
    assert isinstance(plan, Reject)


@pytest.mark.parametrize(
    "entry",
    [
        '{"topic":"t","partition":0,"offset":9223372036854775807}',
        '{"topic":"t","partition":0,"offset":18446744073709551615}',
        '{"topic":"t","partition":0,"offset":1e30}',
        '{"topic":"t","partition":4294967296,"offset":1}',
        '{"topic":"t","partition":-1,"offset":1}',
        '{"topic":"t","partition":0,"timestamp":9223372036854775807}',
        '{"topic":"t","partition":true,"offset":1}',
    ],
)
def test_entry_of_an_event_id_beyond_the_range_is_left_out(entry: str) -> None:
    """A position must fit into the checkpoint and a time into RFC 3339; the other entries stay."""
    good = '{"topic":"u","partition":1,"offset":5}'
    assert [found.partition.topic for found in parse_event_id(f"[{entry},{good}]")] == ["u"]


@pytest.mark.parametrize("text", TOO_LARGE)
def test_numbers_of_rdf_and_of_a_store_are_bounded(text: str) -> None:
    """A document states no revision then; a store with such a number is refused with its value."""
    subject = NamedNode(URIS.entity_iri("Q1"))
    number = Literal(text, datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer"))
    assert read_revision(frozenset({Triple(subject, VERSION, number)}), "Q1", URIS) is None
    with pytest.raises(StoreError, match="not a number from 0"):
        read_versions([{"entity": subject, "version": number}], URIS)
    until = Literal("2026-01-01T00:00:00Z")
    row = {"topic": Literal("t"), "partition": Literal("0"), "offset": number, "until": until}
    with pytest.raises(StoreError, match=r"\?offset is"):
        read_state([row])
    assert read_largest_number([{"largest": number}]) == 0


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "99999-01-01T00:00:00Z", "x"])
def test_time_of_a_store_may_be_beyond_the_range(text: str) -> None:
    """A store of another updater may state any time."""
    found = read_newest_change([{"newest": Literal(text)}])
    assert found is None or isinstance(found, int)


@pytest.mark.parametrize("value", [2**63, 1e22, -1, 5.0, True, None, [], "", "-1", *TOO_LARGE])
def test_json_value_is_a_number_or_digits(value: object) -> None:
    """Other values have no number."""
    assert read_integer(value) is None
    assert (read_integer(12), read_integer("12")) == (12, 12)


@pytest.mark.parametrize("text", TOO_LARGE)
def test_numbers_that_a_store_and_own_files_state_are_bounded(text: str, tmp_path: Path) -> None:
    """A write token, a count of changes, and the files beside a store."""
    with pytest.raises(ValueError, match=str(MAX_INTEGER)):
        parse_token(f"{text} run-1")
    with pytest.raises(StoreError):
        read_state([{"token": Literal(f"{text} run-1")}])
    assert parse_change_count(f"mutationCount={text}".encode()) is None
    (tmp_path / "store.freshness").write_text(text)
    with pytest.raises(StoreError, match="not a number from 0"):
        FreshnessFile(tmp_path / "store").read()
    (tmp_path / "generation").write_text(f"1 {text}")
    with pytest.raises(StateError):
        CheckpointGenerationFile(tmp_path / "generation").read()


@pytest.mark.parametrize("text", TOO_LARGE)
def test_sizes_in_the_properties_of_kafka_are_bounded(text: str) -> None:
    """The error names the property, on both runners."""
    with pytest.raises(ConfigError, match=r"max\.request\.size"):
        build_producer_properties(KafkaProducerSettings("b:1", {"max.request.size": text}))
    with pytest.raises(ConfigError, match=r"queue\.buffering\.max\.kbytes"):
        to_java_properties({"queue.buffering.max.kbytes": text}, key="sink")


@pytest.mark.parametrize("number", [2**63, 1e22, -1, "x", *TOO_LARGE])
def test_number_of_a_namespace_of_entities_is_bounded(number: object) -> None:
    """The siteinfo of a wiki states it."""
    general = {
        "wikiid": "w",
        "servername": "w.example",
        "server": "//w.example",
        "articlepath": "/wiki/$1",
        "wikibase-conceptbaseuri": "http://w.example/entity/",
    }
    named = {"id": number, "name": "Item", "defaultcontentmodel": "wikibase-item"}
    with pytest.raises(WikiError, match=str(MAX_INTEGER)):
        parse_site({"general": general, "namespaces": {"120": named}, "extensions": []})


@pytest.mark.parametrize("zone", ["+9999999999", "-" + "9" * 300, "+" + "9" * 5000])
def test_time_zone_of_a_delay_may_be_beyond_the_range(zone: str) -> None:
    """The header of a server is ignored then."""
    delay = parse_retry_after({"Retry-After": f"Mon, 01 Jan 2024 00:00:00 {zone}"}, 0.0)
    assert delay is None or delay >= 0.0
