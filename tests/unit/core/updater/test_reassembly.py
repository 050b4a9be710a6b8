from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.events.rejection import RejectedEvent
from wikistate.core.rdf.patch import Patch
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.messages import Message, decode_message, encode_mutation
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.core.updater.reassembly import Reassembly
from wikistate.streaming.record import Partition, Record

TOPIC = Partition("eqiad.mutation")


def mutation(entity: str, *, triples: int = 1, operation: OperationName = OperationName.DIFF) -> Mutation:
    """Return a mutation that needs as many messages as it has triples."""
    triples_of_mutation = frozenset(
        Triple(NamedNode(f"urn:{entity}"), NamedNode("urn:says"), Literal(str(number))) for number in range(triples)
    )
    origin = Origin("/s/1.0.0", "2026-01-01T00:00:00Z", f"id of {entity}", "wiki", "mutation", f"request for {entity}")
    return Mutation(operation, entity, 1, 0, 0, origin, "mutation", Patch(added=triples_of_mutation))


class Stream:
    """Messages with their offsets, as a partition holds them."""

    def __init__(self) -> None:
        self.records: list[tuple[Record, Message]] = []

    def put(self, each: Mutation, *, only: slice = slice(None)) -> None:
        """Append the messages of a mutation, or some of them."""
        events = encode_mutation(each, MessageVersion.V2, domain="wiki", now=0, soft_maximum=1)
        for event in events[only]:
            record = Record(orjson.dumps(event), None, None, TOPIC, len(self.records))
            self.records.append((record, decode_message(event)))

    def read(self, reassembly: Reassembly) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """Return mutations with their numbers of triples, and error types with the offsets of the rejected records."""
        whole, rejected = list[tuple[str, int]](), list[tuple[Record, RejectedEvent]]()
        for record, message in self.records:
            taken = reassembly.add(record, message)
            if taken.mutation is not None:
                whole.append((taken.mutation.entity, len(taken.mutation.patch)))
            rejected += taken.rejected
        rejected += reassembly.reject_pending()
        return whole, [(rejection.error_type, record.offset) for record, rejection in rejected]


def test_mutation_of_several_messages_is_complete_with_its_last() -> None:
    """Until then a run resumes at the first message of the mutation."""
    stream, reassembly = Stream(), Reassembly()
    stream.put(mutation("Q1"))
    stream.put(mutation("Q2", triples=3))
    begun = []
    for record, message in stream.records:
        reassembly.add(record, message)
        begun.append(reassembly.first_pending_offset)
    assert begun == [None, 1, 1, None]
    assert stream.read(Reassembly()) == ([("Q1", 1), ("Q2", 3)], [])


def test_tail_is_never_taken_for_the_whole() -> None:
    """The last message of a reconciliation alone would replace an entity by a part of it."""
    stream = Stream()
    stream.put(mutation("Q1", triples=3, operation=OperationName.RECONCILE), only=slice(2, 3))
    stream.put(mutation("Q2"))
    assert stream.read(Reassembly()) == ([("Q2", 1)], [("IncompleteMutation", 0)])


def test_mutation_interrupted_by_another_is_rejected_with_all_its_messages() -> None:
    """The writer had written the messages before it crashed; it writes the whole mutation again."""
    stream = Stream()
    stream.put(mutation("Q1", triples=3), only=slice(0, 2))
    stream.put(mutation("Q1", triples=3))
    assert stream.read(Reassembly()) == ([("Q1", 3)], [("IncompleteMutation", 0), ("IncompleteMutation", 1)])


def test_mutation_with_a_gap_is_rejected() -> None:
    """The first and the third message of three are not a mutation of two."""
    stream = Stream()
    stream.put(mutation("Q1", triples=3), only=slice(0, 1))
    stream.put(mutation("Q1", triples=3), only=slice(2, 3))
    stream.put(mutation("Q2"))
    assert stream.read(Reassembly()) == ([("Q2", 1)], [("IncompleteMutation", 0), ("IncompleteMutation", 1)])


def test_messages_of_another_entity_do_not_fill_a_gap() -> None:
    """Number and length fit, but the entity does not."""
    stream = Stream()
    stream.put(mutation("Q1", triples=2), only=slice(0, 1))
    stream.put(mutation("Q2", triples=2), only=slice(1, 2))
    assert stream.read(Reassembly()) == ([], [("IncompleteMutation", 0), ("IncompleteMutation", 1)])


def test_incomplete_mutation_at_the_end_is_rejected() -> None:
    """A file may end in the middle of a mutation."""
    stream = Stream()
    stream.put(mutation("Q1", triples=3), only=slice(0, 2))
    assert stream.read(Reassembly()) == ([], [("IncompleteMutation", 0), ("IncompleteMutation", 1)])


def test_mutation_beyond_the_bound_is_rejected() -> None:
    """Memory is bounded for any stream; the next mutation is read as usual."""
    stream = Stream()
    stream.put(mutation("Q1", triples=20))
    stream.put(mutation("Q2"))
    whole, rejected = stream.read(Reassembly(max_bytes=3000))
    assert whole == [("Q2", 1)]
    assert [offset for _, offset in rejected] == list(range(20))
    assert rejected[0][0] == "MutationTooLarge"


def test_mutation_with_too_many_triples_is_rejected() -> None:
    """A message of two bytes a triple takes 160 times its size, so bytes alone do not bound the memory."""
    stream = Stream()
    stream.put(mutation("Q1", triples=20))
    stream.put(mutation("Q2", triples=10))
    whole, rejected = stream.read(Reassembly(max_triples=10))
    assert whole == [("Q2", 10)]
    assert rejected[:11] == [("MutationTooLarge", offset) for offset in range(11)]
    alone = Stream()
    event = encode_mutation(mutation("Q3", triples=20), MessageVersion.V2, domain="wiki", now=0)[0]
    alone.records.append((Record(orjson.dumps(event), None, None, TOPIC, 0), decode_message(event)))
    assert alone.read(Reassembly(max_triples=10)) == ([], [("MutationTooLarge", 0)])
    assert alone.read(Reassembly(max_triples=20)) == ([("Q3", 20)], [])


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4), st.integers(0, 4)), max_size=8))
def test_every_message_is_part_of_a_mutation_or_rejected(pieces: list[tuple[int, int, int]]) -> None:
    """For any parts cut out of a stream, mutations are complete and no message is lost."""
    stream = Stream()
    for number, (triples, first, end) in enumerate(pieces):
        stream.put(mutation(f"Q{number + 1}", triples=triples), only=slice(first, end))
    sizes = {f"Q{number + 1}": triples for number, (triples, _, _) in enumerate(pieces)}
    whole, rejected = stream.read(Reassembly())
    assert all(sizes[entity] == count for entity, count in whole)
    assert sum(count for _, count in whole) + len(rejected) == len(stream.records)
