"""Mutations become messages of a stream and come back unchanged; an invalid message is rejected with a reason."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse
from tests.unit.core.events.strategies import JSON
from tests.unit.core.updater.scenarios import ORIGIN

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.rdf.normalize import normalize
from wikistate.core.rdf.patch import Patch
from wikistate.core.updater.chunks import count_utf16_units, split_into_chunks
from wikistate.core.updater.message_fields import RDF_FIELDS, MessageVersion
from wikistate.core.updater.messages import Message, decode_message, encode_mutation, merge_chunks
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.events.meta import Event

V1, V2 = MessageVersion.V1, MessageVersion.V2
DOMAIN = "www.wikidata.org"


def triple(subject: str, predicate: str = "uri:p", value: str = "uri:o") -> Triple:
    """Return a triple of IRIs."""
    return Triple(NamedNode(subject), NamedNode(predicate), NamedNode(value))


A, D, L, U = (frozenset({triple(f"uri:{kind}")}) for kind in ("added", "deleted", "linked", "unlinked"))

PATCHES = {
    OperationName.IMPORT: Patch(added=A, linked=L),
    OperationName.DIFF: Patch(A, D, L, U),
    OperationName.RECONCILE: Patch(added=A),
    OperationName.DELETE: Patch(),
}


def mutation(operation: OperationName = OperationName.DIFF, patch: Patch | None = None, **fields: Any) -> Mutation:
    """Return a mutation of Q123."""
    made = Mutation(
        operation, "Q123", 123, 0, 5, ORIGIN, "mutations.v2", PATCHES[operation] if patch is None else patch
    )
    return made._replace(**fields)


def encoded(found: Mutation, version: MessageVersion = V2, *, soft_maximum: int = 128_000) -> list[Event]:
    """Return the events of a mutation, as they are on the wire."""
    events = encode_mutation(found, version, domain=DOMAIN, now=1, soft_maximum=soft_maximum)
    return [orjson.loads(orjson.dumps(event)) for event in events]


def decoded(events: list[Event]) -> Mutation:
    """Return the mutation that the events on the wire stand for."""
    return merge_chunks([decode_message(event) for event in events])


@cache
def schemas() -> SchemaRepository:
    """Return the bundled schemas."""
    return SchemaRepository([SCHEMAS], read_bundled)


@pytest.mark.parametrize("version", MessageVersion)
@pytest.mark.parametrize("operation", OperationName)
def test_every_message_follows_its_schema(operation: OperationName, version: MessageVersion) -> None:
    """Each kind of mutation follows the schema in each version, whole and in chunks."""
    for soft_maximum in (1, 128_000):
        for event in encoded(mutation(operation), version, soft_maximum=soft_maximum):
            assert schemas().get_by_uri(event["$schema"]).describe_violations(event) == ""


def test_wire_format_is_stable() -> None:
    """Names, order, times without needless fractions and documents without prefixes are right, byte for byte."""
    (event,) = encode_mutation(mutation(OperationName.IMPORT), V2, domain=DOMAIN, now=1)
    expected = (
        '{"$schema":"/mediawiki/wikibase/entity/rdf_change/2.0.0","meta":{"dt":"1970-01-01T00:00:00.001Z","id":"%s",'
        '"domain":"www.wikidata.org","stream":"mutations.v2","request_id":"b8e0b3b6-0b0f-4f1c-a3b0-3d1d9d0f9a54"},'
        '"entity_id":"Q123","rev_id":123,"dt":"1970-01-01T00:00:00Z","sequence":0,"sequence_length":1,'
        '"operation":"import",'
        '"rdf_added_data":{"data":"\\n<uri:added> <uri:p> <uri:o> .\\n","mime_type":"text/turtle"},'
        '"rdf_linked_shared_data":{"data":"\\n<uri:linked> <uri:p> <uri:o> .\\n","mime_type":"text/turtle"}}'
    )
    assert orjson.dumps(event).decode() == expected % event["meta"]["id"]


def test_older_wire_format_has_other_names() -> None:
    """Three fields have other names; the order is the same."""
    (newer,) = encode_mutation(mutation(), V2, domain=DOMAIN, now=1)
    (older,) = encode_mutation(mutation(), V1, domain=DOMAIN, now=1)
    assert older["$schema"] == "/wikibase/rdf/update_stream/1.0.0"
    names = {"entity_id": "entity", "rev_id": "revision", "dt": "event_time"}
    assert [names.get(name, name) for name in newer] == list(older)
    assert list(older.values())[1:] == list(newer.values())[1:]


def test_deletion_has_no_rdf() -> None:
    """A deletion is one message, whatever the store holds."""
    (event,) = encoded(mutation(OperationName.DELETE))
    assert not set(RDF_FIELDS.values()) & event.keys()
    assert (event["sequence"], event["sequence_length"]) == (0, 1)


@pytest.mark.parametrize("operation", [OperationName.DIFF, OperationName.IMPORT, OperationName.RECONCILE])
def test_empty_mutation_has_no_message(operation: OperationName) -> None:
    """An edit that changed no triple, such as a protection, is not emitted."""
    assert encoded(mutation(operation, Patch())) == []


def test_each_kind_has_its_own_message_if_the_size_is_small() -> None:
    """The order is added, deleted, linked, unlinked."""
    events = encoded(mutation(), soft_maximum=1)
    assert [[field for field in RDF_FIELDS.values() if field in event] for event in events] == [
        [f] for f in RDF_FIELDS.values()
    ]
    assert [(event["sequence"], event["sequence_length"]) for event in events] == [(i, 4) for i in range(4)]


def test_all_kinds_share_a_message_if_they_fit() -> None:
    """A small edit is one message."""
    assert len(encoded(mutation())) == 1


def test_chunks_share_the_request_and_have_their_own_ids() -> None:
    """The ids are the same when the chunks are built again, so that readers can drop repeats after a crash."""
    events = encoded(mutation(), soft_maximum=1)
    assert {event["meta"]["request_id"] for event in events} == {ORIGIN.request_id}
    ids = [event["meta"]["id"] for event in events]
    assert len(set(ids)) == 4
    assert ids == [event["meta"]["id"] for event in encoded(mutation(), soft_maximum=1)]
    others = [mutation(stream="another"), mutation(revision=124), mutation(origin=ORIGIN._replace(id="another"))]
    assert not {event["meta"]["id"] for other in others for event in encoded(other, soft_maximum=1)} & set(ids)


def test_message_names_the_stream_of_its_own_graph() -> None:
    """A message for a subgraph names the stream of the subgraph, not that of the whole graph."""
    main, part = (mutation(stream=name) for name in ("rdf.mutation.v2", "rdf.mutation-scholarly.v2"))
    assert [event["meta"]["stream"] for each in (main, part) for event in encoded(each)] == [main.stream, part.stream]
    assert decoded(encoded(part)).stream == part.stream


def test_ids_are_random_without_an_origin() -> None:
    """Messages without an origin cannot be recognised as repeats."""
    bare = mutation(origin=ORIGIN._replace(id="", request_id=""))
    first, second = encoded(bare)[0], encoded(bare)[0]
    assert first["meta"]["id"] != second["meta"]["id"]
    assert "request_id" not in first["meta"]


def test_triples_are_in_the_same_order_each_time() -> None:
    """The same patch is the same text, whatever the order of its sets."""
    triples = [triple(f"uri:{n}") for n in range(50)]
    texts = {next(split_into_chunks(order)).text for order in (triples, triples[::-1], frozenset(triples))}
    assert len(texts) == 1


# Laws.

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TRIPLES = st.builds(
    Triple,
    st.integers(0, 9).map(lambda n: NamedNode(f"http://www.wikidata.org/entity/Q{n}")),
    st.integers(0, 3).map(lambda n: NamedNode(f"http://www.wikidata.org/prop/P{n}")),
    st.one_of(
        st.integers(0, 99).map(lambda n: NamedNode(f"http://www.wikidata.org/value/{n}")),
        TEXTS.map(Literal),
        TEXTS.map(lambda text: Literal(text, language="de")),
        TEXTS.map(lambda text: Literal(text, datatype=NamedNode("http://www.opengis.net/ont/geosparql#wktLiteral"))),
    ),
)


@st.composite
def patches(draw: st.DrawFn) -> Patch:
    """Return triples, each in one of the four sets."""
    parts: list[set[Triple]] = [set(), set(), set(), set()]
    for one in draw(st.sets(TRIPLES, max_size=20)):
        parts[draw(st.integers(0, 3))].add(one)
    # Messages are normalised when they are read, and the updater normalises triples before it writes them.
    return Patch(*(frozenset(normalize(list(part))) for part in parts))


@given(patches(), st.sampled_from(MessageVersion), st.integers(1, 500))
def test_mutation_survives_splitting_and_merging(patch: Patch, version: MessageVersion, soft_maximum: int) -> None:
    """The mutation comes back, whatever its triples hold and however small the chunks are."""
    events = encoded(mutation(patch=patch, time=1_700_000_000_123), version, soft_maximum=soft_maximum)
    if not events:
        assert len(patch) == 0
        return
    back = decoded(events)
    assert back.patch == patch
    assert (back.operation, back.entity, back.revision, back.time) == (
        OperationName.DIFF,
        "Q123",
        123,
        1_700_000_000_123,
    )
    assert (back.stream, back.origin.request_id, back.origin.domain) == ("mutations.v2", ORIGIN.request_id, DOMAIN)


@given(st.sets(TRIPLES, max_size=30), st.integers(1, 2000))
def test_chunks_are_bounded_and_complete(triples: set[Triple], soft_maximum: int) -> None:
    """A chunk is Turtle without prefixes, above the bound by at most its last triple; none is empty, none overlap."""
    found: list[Triple] = []
    for chunk in split_into_chunks(triples, soft_maximum):
        own = [quad.triple for quad in parse(chunk.text, format=RdfFormat.TURTLE)]
        assert own
        assert chunk.length == count_utf16_units(chunk.text)
        assert "@prefix" not in chunk.text
        assert chunk.length <= soft_maximum + max(count_utf16_units(str(one)) for one in own) + 10
        found += own
    assert len(found) == len(triples)
    assert set(found) == triples


@given(st.text())
def test_lengths_are_counted_as_readers_count_them(text: str) -> None:
    """A character beyond the first plane counts twice, as in Java and JavaScript."""
    assert count_utf16_units(text) == sum(2 if ord(char) > 0xFFFF else 1 for char in text)


# Rejections.


def changed(**fields: Any) -> Event:
    """Return a message with other fields; None removes one."""
    (event,) = encoded(mutation())
    return {name: value for name, value in (event | fields).items() if value is not None}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (changed(**{"$schema": "/mediawiki/wikibase/entity/rdf_change/3.0.0"}), "but a mutation has"),
        (changed(**{"$schema": None}), "but a mutation has"),
        (changed(operation="destroy"), "one of import, diff, delete, reconcile"),
        (changed(operation=None), "operation is absent"),
        (changed(entity_id="../Q1"), "is no entity id"),
        (changed(entity_id="L1-F1"), "part of L1"),
        (changed(entity_id=5), "entity_id is 5, but must be text"),
        (changed(rev_id=-1), "rev_id is -1"),
        (changed(rev_id=True), "rev_id is True"),
        (changed(rev_id=1.5), "rev_id is 1.5"),
        (changed(dt="yesterday"), "dt is 'yesterday', but must be an RFC 3339 timestamp"),
        (changed(sequence=1), "sequence is 1 of 1"),
        (changed(sequence_length=0), "sequence_length is 0"),
        (changed(meta="x"), "meta is 'x'"),
        (changed(meta={"stream": 5}), "meta.stream is 5"),
        (changed(meta={"stream": "s", "request_id": 5}), "meta.request_id is 5"),
        (changed(rdf_added_data="x"), "rdf_added_data is 'x', but must be an object"),
        (changed(rdf_added_data={"data": "x"}), "rdf_added_data"),
        (changed(rdf_added_data={"data": 5, "mime_type": "text/turtle"}), "rdf_added_data.data is 5"),
        (changed(rdf_added_data={"data": "<a:", "mime_type": "text/turtle"}), "rdf_added_data"),
        (changed(rdf_added_data={"data": "", "mime_type": "image/png"}), "rdf_added_data"),
        (changed(rdf_added_data={"data": "\ud800", "mime_type": "text/turtle"}), "rdf_added_data.data has half a"),
        (changed(rdf_added_data={"data": "<x> <u:p> <u:o> .", "mime_type": "text/turtle"}), "has a relative IRI"),
        (changed(rdf_added_data={"data": "<u:s> <u:p> <#o> .", "mime_type": "text/turtle"}), "has a relative IRI"),
        (changed(operation="delete"), "has RDF; it must have none"),
    ],
)
def test_invalid_messages_are_rejected(event: Event, message: str) -> None:
    """The error names the field, its value and the expected value."""
    with pytest.raises(InputError) as caught:
        decode_message(event)
    assert message in caught.value.message


WHOLE = '<http://a/s> <http://a/p> """a\nb""" ; <http://a/q> <http://a/o>, "x"@en .\n'
DOCUMENTS = (
    *(WHOLE[:length] for length in range(len(WHOLE) + 1)),
    *(
        "@prefix a: <http://a/> .\n",
        "BASE <http://a/>\n",
        "a:s a:p a:o .",
        "<s> <http://a/p> a:o .",
        "# nothing",
        '"""',
    ),
)


@pytest.mark.parametrize("first", DOCUMENTS)
def test_field_means_the_same_beside_any_other_field(first: str) -> None:
    """A document that is cut anywhere, or that has its own names, is read or rejected as if it stood alone."""
    event = encoded(mutation())[0]
    added, removed = RDF_FIELDS["added"], RDF_FIELDS["removed"]
    rest = {name: value for name, value in event.items() if name not in RDF_FIELDS.values()}

    def read(**documents: str) -> Patch | None:
        bodies = {field: {"data": text, "mime_type": "text/turtle"} for field, text in documents.items()}
        try:
            return decode_message(rest | bodies).patch
        except InputError:
            return None

    for second in DOCUMENTS:
        ours, theirs, both = read(**{added: first}), read(**{removed: second}), read(**{added: first, removed: second})
        if ours is None or theirs is None:
            assert both is None, (first, second)
        else:
            assert both == Patch(added=ours.added, removed=theirs.removed), (first, second)


def test_texts_may_look_like_relative_iris() -> None:
    """Only terms count."""
    turtle = '<u:s> <u:p> "a <b> c, @base" .'
    found = decode_message(changed(rdf_added_data={"data": turtle, "mime_type": "text/turtle"})).patch.added
    assert found == {Triple(NamedNode("u:s"), NamedNode("u:p"), Literal("a <b> c, @base"))}


def test_triples_are_normalised_like_those_of_the_wiki() -> None:
    """Triples of an older writer are equal to those with which a newer one compares them."""
    turtle = '<u:s> <http://wikiba.se/ontology-beta#rank> "a\u00ad" .'
    (found,) = decode_message(changed(rdf_added_data={"data": turtle, "mime_type": "text/turtle"})).patch.added
    assert (found.predicate.value, found.object) == ("http://wikiba.se/ontology#rank", Literal("a"))


@given(st.data(), JSON)
def test_any_value_of_a_field_is_read_or_rejected(data: st.DataObject, value: Any) -> None:
    """No other exception occurs, whatever comes over the wire."""
    name = data.draw(st.sampled_from(sorted(changed())))
    with suppress(InputError):
        assert isinstance(decode_message(changed(**{name: value})), Message)


def four() -> list[Message]:
    """Return the four messages of a mutation."""
    return [decode_message(event) for event in encoded(mutation(), soft_maximum=1)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda found: found[:0], "at least one message"),
        (lambda found: found[1:], "is not message 1 of 3"),
        (lambda found: found[:-1], "is not message 1 of 3"),
        (lambda found: found[-1:], "is not message 1 of 1"),
        (lambda found: [found[0], found[2], found[1], found[3]], "is not message 2 of 4"),
        (lambda found: [*found[:2], found[1], found[3]], "is not message 3 of 4"),
        (lambda found: [*found[:3], found[3]._replace(entity="Q5")], "has the entity 'Q5'"),
        (lambda found: [*found[:3], found[3]._replace(revision=5)], "has the revision 5"),
        (lambda found: [*found[:3], found[3]._replace(operation=OperationName.IMPORT)], "has the operation"),
        (
            lambda found: [*found[:3], found[3]._replace(origin=found[3].origin._replace(request_id="other"))],
            "has the request id 'other'",
        ),
        (
            lambda found: [*found[:3], found[3]._replace(origin=found[3].origin._replace(stream="other"))],
            "has the stream 'other'",
        ),
    ],
)
def test_only_complete_mutations_are_merged(damage: Callable[[list[Message]], list[Message]], message: str) -> None:
    """All messages from first to last belong to one entity and one request: a tail is never taken for the whole."""
    with pytest.raises(InputError) as caught:
        merge_chunks(damage(four()))
    assert message in caught.value.message


@given(*[st.frozensets(st.sampled_from(sorted(A | D | L | U, key=str))) for _ in range(4)])
def test_no_triple_is_added_and_removed_in_one_mutation(
    added: frozenset[Triple], removed: frozenset[Triple], linked: frozenset[Triple], unlinked: frozenset[Triple]
) -> None:
    """Messages that do both are read as if applied in order, removals first; nothing else changes."""
    given = Patch(added, removed, linked, unlinked)
    found = decoded(encoded(mutation(patch=given))).patch if len(given) else given
    arriving = added | linked
    assert found.added | found.linked == arriving
    assert found.removed | found.unlinked == (removed | unlinked) - arriving
    assert len(found) == len(found.added | found.removed | found.linked | found.unlinked)
    assert found.linked == linked


def test_messages_are_numbered_from_0_to_the_last() -> None:
    """The numbers are kept as written, so that a reader can find missing messages."""
    found = four()
    assert found[0].sequence == 0
    assert all(after.sequence == before.sequence + 1 for before, after in pairwise(found))
    assert merge_chunks(found).patch == PATCHES[OperationName.DIFF]
