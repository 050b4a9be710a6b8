"""Queries about a store as a whole, and readers of their results. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyoxigraph import BlankNode, Literal, NamedNode

from wikistate.core.events.integers import MAX_INTEGER, parse_integer
from wikistate.core.events.timestamps import parse_iso_time
from wikistate.core.sparql.terms import format_iri, format_literal, starts_with
from wikistate.core.sparql.vocabulary import (
    ABOUT,
    BOOKKEEPING,
    COMPLETED_UNTIL,
    DATE_MODIFIED,
    INTEGER,
    NEXT_OFFSET,
    ORIGIN,
    PARTITION,
    POSITION,
    TOPIC,
    VERSION,
    WRITE_TOKEN,
)
from wikistate.core.updater.entity_id import TYPES
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.core.updater.store_state import StoreState, parse_token
from wikistate.errors import StoreError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from wikistate.core.rdf.uris import Uris
    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import Row
    from wikistate.core.updater.store_state import WriteToken

_SAMPLE_SIZE = 1000
"""Number of subjects that are read to determine the form of a store."""


def build_state_query(target: UpdateTarget) -> str:
    """Build the query for `read_state`."""
    # The prefix of the subject identifies positions: no other triple may have it, but an entity may have any predicate.
    ours = f"FILTER({starts_with('?at', POSITION)})"
    position = f"?at {TOPIC} ?topic ; {PARTITION} ?partition ; {NEXT_OFFSET} ?offset ; {COMPLETED_UNTIL} ?until {ours}"
    token = f"{BOOKKEEPING} {WRITE_TOKEN} ?token"
    return (
        f"SELECT ?topic ?partition ?offset ?until ?token WHERE {target.where(f'{{ {position} }} UNION {{ {token} }}')}"
    )


def read_state(rows: Iterable[Row]) -> StoreState:
    """Return the state of a store.

    Raises:
        StoreError: The positions or the token are not in the written form, or two processes wrote at the same moment.
    """
    positions: dict[Partition, StorePosition] = {}
    tokens: set[WriteToken] = set()
    for row in rows:
        try:
            if "token" in row:
                tokens.add(parse_token(_read_text(row, "token")))
                continue
            partition = Partition(_read_text(row, "topic"), _read_integer(row, "partition"))
            position = StorePosition(_read_integer(row, "offset"), _parse_milliseconds(_read_text(row, "until")))
        except ValueError as error:
            raise StoreError(
                f"The position in the store cannot be read: {error}.",
                hint="Another program wrote below urn:wikistate:. Restore the store from a backup, or load it again.",
            ) from error
        if positions.setdefault(partition, position).next_offset != position.next_offset:
            raise _two_writers_error(f"two positions of {partition}")
    if len(tokens) > 1:
        raise _two_writers_error("two write tokens")
    return StoreState(positions, next(iter(tokens), None))


def _two_writers_error(found: str) -> StoreError:
    return StoreError(
        f"Two processes wrote into the store at the same moment: it has {found}.",
        hint="One process at a time may write into a store: stop the other one. Then restore the store from a backup, or "
        "load it again.",
    )


def build_origin_query(target: UpdateTarget) -> str:
    """Build the query for the record that a store was empty before its first update: it has a solution if there is one."""
    return f"SELECT ?origin WHERE {target.where(f'{BOOKKEEPING} {ORIGIN} ?origin')}"


def build_form_query(target: UpdateTarget) -> str:
    """Build the query for `read_form`."""
    pattern = f"?subject {VERSION} ?version OPTIONAL {{ ?subject {ABOUT} ?entity }}"
    return f"SELECT ?subject ?entity WHERE {target.where(pattern)} LIMIT {_SAMPLE_SIZE}"


def read_form(rows: Iterable[Row], uris: Uris) -> StoreForm:
    """Return the form of a store, determined from a sample of the nodes with a revision.

    A data node states which entity it is about. Its IRI does not show it, because each wiki has its own.

    Raises:
        StoreError: The store has both forms.
    """
    subjects = {_read_iri(row, "subject"): _read_iri(row, "entity") for row in rows}
    munged = sum(uris.entity_id(subject) is not None for subject in subjects)
    plain = sum(uris.entity_id(about) is not None for about in subjects.values())
    if munged and plain:
        raise StoreError(
            f"The store mixes two forms of entities: of a sample of {len(subjects)} revisions, {munged} are on the entity "
            f"(munged) and {plain} on its data node (the form of the dump).",
            hint="Load the store again from one kind of dump: updates of one form leave stale triples of the other.",
        )
    return StoreForm.MUNGED if munged else StoreForm.PLAIN if plain else StoreForm.EMPTY


def build_versions_query(entities: Collection[str], target: UpdateTarget) -> str:
    """Build the query for `read_versions`."""
    listed = " ".join(format_iri(target.uris.entity_iri(entity)) for entity in entities)
    either = f"{{ ?entity {VERSION} ?version }} UNION {{ ?page {ABOUT} ?entity ; {VERSION} ?version }}"
    return f"SELECT ?entity ?version WHERE {target.where(f'VALUES ?entity {{ {listed} }} {either}')}"


def read_versions(rows: Iterable[Row], uris: Uris) -> dict[str, int]:
    """Return revisions by entity ids; the newest one if there are several."""
    found: dict[str, int] = {}
    for row in rows:
        entity = uris.entity_id(_read_iri(row, "entity"))
        if entity is not None:
            found[entity] = max(found.get(entity, 0), read_number(row, "version"))
    return found


def build_counts_query(target: UpdateTarget) -> str:
    """Build the query for `read_counts`. It counts by ids, because munging removes the types of most entities."""
    uris = target.uris
    held = target.where(f"?entity {VERSION} ?revision")
    counts = []
    for letter in TYPES:
        begins = starts_with("?entity", uris.entity_iri(letter))
        count = f"SELECT ({format_literal(Literal(letter))} AS ?letter) (COUNT(?entity) AS ?entities) WHERE {{ {held} FILTER({begins}) }}"
        counts.append(f"{{ {count} }}")
    return f"SELECT ?letter ?entities WHERE {{ {' UNION '.join(counts)} }}"


def read_counts(rows: Iterable[Row]) -> dict[str, int]:
    """Return the number of entities by type. Types without entities are left out.

    Raises:
        StoreError: A row is not about a type, or has no number.
    """
    found = {_read_type(row): read_number(row, "entities") for row in rows}
    return {name: count for name, count in found.items() if count}


def _read_type(row: Row) -> str:
    try:
        return TYPES[_read_text(row, "letter")]
    except (ValueError, KeyError) as error:
        raise StoreError(f"The response of the store has a count of no type of entities: {row!r:.200}.") from error


def read_count(rows: Sequence[Row], name: str) -> int:
    """Return the count in the only row of a response. Raise `StoreError` if there is no such row or number."""
    if not rows:
        raise StoreError("The response of the store has no row, although a count has one.")
    return read_number(rows[0], name)


def read_number(row: Row, name: str) -> int:
    """Return a count or a revision. Raise `StoreError` if the value is not such a number."""
    try:
        return _read_integer(row, name)
    except ValueError as error:
        raise StoreError(f"The response of the store has no number: {error}.") from error


def select_largest_number(prefix: str, *, graph: str = "") -> str:
    """Return the query of the largest number of an entity id, as ``?largest``, of the entities that have a revision.

    Args:
        prefix: IRI of an entity without its number, such as ``http://www.wikidata.org/entity/Q``.
        graph: IRI of the graph that holds the entities; empty for the default graph.

    Raises:
        UnwritableError: One of them is not an absolute IRI.
    """
    number = f"{INTEGER}(STRAFTER(STR(?entity), {format_literal(Literal(prefix))}))"
    pattern = _match_entities(prefix)
    return f"SELECT (MAX({number}) AS ?largest) WHERE {{ {_in_graph(pattern, graph)} }}"


def select_entities(prefix: str, *, graph: str = "") -> str:
    """Return the query of the entities that have a revision, as ``?entity``. Arguments as `select_largest_number`."""
    return f"SELECT DISTINCT ?entity WHERE {{ {_in_graph(_match_entities(prefix), graph)} }}"


def _match_entities(prefix: str) -> str:
    format_iri(prefix)  # the serialiser rejects a prefix that no entity can have
    return f"?entity {VERSION} ?version FILTER({starts_with('?entity', prefix)})"


def read_entities(rows: Iterable[Row], uris: Uris) -> set[str]:
    """Return the ids in the answer to `select_entities`."""
    return {entity for row in rows if (entity := uris.entity_id(_read_iri(row, "entity"))) is not None}


def select_newest_change(*roots: str, graph: str = "") -> str:
    """Return the query of the event time up to which a store is complete, as ``?newest``, for stores of any updater.

    Args:
        roots: IRIs that may carry ``schema:dateModified``, of the wiki first.
        graph: IRI of the graph that holds the entities; empty for the default graph.

    Raises:
        UnwritableError: One of them is not an absolute IRI.
    """
    pattern = f"VALUES ?wiki {{ {' '.join(map(format_iri, roots))} }} ?wiki {DATE_MODIFIED} ?moment"
    return f"SELECT (MAX(?moment) AS ?newest) WHERE {{ {_in_graph(pattern, graph)} }}"


def read_largest_number(rows: Sequence[Row]) -> int:
    """Return the answer to `select_largest_number`; 0 if no entity matches."""
    largest = rows[0].get("largest") if rows else None
    return parse_integer(largest.value) or 0 if isinstance(largest, Literal) else 0


def read_newest_change(rows: Sequence[Row]) -> int | None:
    """Return the answer to `select_newest_change` in milliseconds since the epoch.

    None if the store states no time, or states it in a form that is not ISO 8601.
    """
    newest = rows[0].get("newest") if rows else None
    if not isinstance(newest, Literal):
        return None
    return parse_iso_time(newest.value)


def _in_graph(pattern: str, graph: str) -> str:
    return f"GRAPH {format_iri(graph)} {{ {pattern} }}" if graph else pattern


def parse_results(answer: Any) -> list[Row]:
    """Return the solutions of a response in SPARQL 1.1 Query Results JSON.

    Raises:
        StoreError: The response does not have this format.
    """
    try:
        return [{name: _parse_term(cell) for name, cell in row.items()} for row in answer["results"]["bindings"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"The response of the store is not a table of results: {type(error).__name__}: {error!s:.200}."
        ) from error


def _parse_term(cell: dict[str, Any]) -> Any:
    match cell["type"]:
        case "uri":
            return NamedNode(cell["value"])
        case "bnode":
            return BlankNode("b" + "".join(filter(str.isalnum, cell["value"])))
        case _:
            language, datatype = cell.get("xml:lang"), cell.get("datatype")
            if language:
                return Literal(cell["value"], language=language)
            return Literal(cell["value"], datatype=NamedNode(datatype) if datatype else None)


def _read_text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, Literal):
        raise ValueError(f"?{name} is {value}")  # noqa: TRY004 (the value is from the store, not from the caller)
    return value.value


def _read_integer(row: Row, name: str) -> int:
    found = parse_integer(_read_text(row, name))
    if found is None:
        raise ValueError(f"?{name} is {row[name]!s:.60}, not a number from 0 to {MAX_INTEGER}")
    return found


def _read_iri(row: Row, name: str) -> str:
    value = row.get(name)
    return value.value if isinstance(value, NamedNode) else ""


def _parse_milliseconds(text: str) -> int:
    time = parse_iso_time(text)
    if time is None:
        raise ValueError(f"?until is {text:.60}, not a time of the years 1 to 9999")
    return time
