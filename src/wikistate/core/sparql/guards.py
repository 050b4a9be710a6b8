"""Guards: conditions that make an update effective only in the state for which it was made.

Each operation of a guarded update demands the write token of the update before it, and the last operation replaces that token
with a new one. A store applies such an update once, and only after the update before it. If the store lost updates, comes
back empty, or received updates from another process, then the whole update changes nothing.

An operation of plain data has no place for a condition, so it becomes a template with the condition as its pattern.
`docs/decisions/0024-write-token.md` has the price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyoxigraph import Literal

from wikistate.core.sparql.terms import format_literal
from wikistate.core.sparql.updates import batch_operations, join_operations
from wikistate.core.sparql.vocabulary import BOOKKEEPING, EMPTY, NEXT_OFFSET, ORIGIN, VERSION, WRITE_TOKEN, position_iri
from wikistate.core.updater.store_metadata import StoreForm
from wikistate.core.updater.store_state import next_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.core.updater.store_state import StoreState, WriteToken
    from wikistate.streaming.record import Partition

_DATA = " DATA "


class GuardedRequest(NamedTuple):
    """Request that a store applies only after the request before it.

    Attributes:
        text: Text of the update.
        token: Token of the store after the request.
    """

    text: str
    token: WriteToken


def build_guarded_requests(
    patch: StorePatch,
    positions: Mapping[Partition, StorePosition],
    freshness: int | None,
    target: UpdateTarget,
    *,
    before: WriteToken,
    batch: str,
    now: int,
) -> list[GuardedRequest]:
    """Return the requests of the whole batch; one request if it fits.

    Args:
        patch: See `wikistate.core.sparql.updates.build_requests`.
        positions: See `wikistate.core.sparql.updates.build_requests`.
        freshness: See `wikistate.core.sparql.updates.build_requests`.
        target: See `wikistate.core.sparql.updates.build_requests`.
        before: Token of the store before the batch.
        batch: Identifier of the batch; no other batch has it.
        now: Milliseconds since the epoch.

    Raises:
        UnwritableError: A triple has no safe form.
    """
    requests = []
    for operations in batch_operations(patch, positions, freshness, target):
        after = next_token(before, batch=batch, now=now)
        guarded = [guard_operation(operation, before, target) for operation in operations]
        requests.append(GuardedRequest(join_operations([*guarded, replace_token(before, after, target)]), after))
        before = after
    return requests


def build_first_request(
    state: StoreState, target: UpdateTarget, *, form: StoreForm, from_empty: bool, batch: str, now: int
) -> GuardedRequest:
    """Return the request that gives a store its first token. It applies only to a store that is still as it was opened.

    Args:
        state: State of the store; it has no token.
        target: Parts that all statements share.
        form: Form of the store when it was opened.
        from_empty: Whether the store has held nothing but what this source wrote. It is recorded with the token. If it
            is not so, and the store held entities, it must still hold one.
        batch: See `build_guarded_requests`.
        now: See `build_guarded_requests`.
    """
    token = next_token(None, batch=batch, now=now)
    held = "".join(f"{each} . " for each in _match_positions(state.positions))
    if not from_empty and form is not StoreForm.EMPTY:
        held += f"{{ SELECT ?held WHERE {{ ?held {VERSION} ?version }} LIMIT 1 }} "
    free = f"FILTER NOT EXISTS {{ {BOOKKEEPING} {WRITE_TOKEN} ?token }}"
    record = f" . {match_origin()}" if from_empty else ""
    operation = f"INSERT {{ {match_token(token)}{record} }} WHERE {{ {held}{free} }}"
    return GuardedRequest(target.pattern(operation), token)


def guard_operation(operation: str, token: WriteToken, target: UpdateTarget) -> str:
    """Return an operation that has an effect only in a store with this token."""
    guard = match_token(token)
    verb, data, lines = operation[:6], operation[6 : 6 + len(_DATA)], operation[6 + len(_DATA) :]
    if data == _DATA:
        return f"{verb} {lines} WHERE {target.where(guard)}"
    # The first braces behind this word enclose the whole pattern: neither an IRI nor a template has such a word.
    return operation.replace("WHERE {", f"WHERE {{ {guard} .", 1)


def replace_token(before: WriteToken, after: WriteToken, target: UpdateTarget) -> str:
    """Return the operation that replaces the token of a store."""
    old, new = match_token(before), match_token(after)
    return target.pattern(f"DELETE {{ {old} }} INSERT {{ {new} }} WHERE {{ {old} }}")


def write_token(token: WriteToken, target: UpdateTarget, *, from_empty: bool) -> list[str]:
    """Return the operations that write a token, whatever token the store has; see `build_first_request`."""
    held = f"{BOOKKEEPING} {WRITE_TOKEN} ?token"
    record = f"{match_origin()} .\n" if from_empty else ""
    return [
        target.pattern(f"DELETE {{ {held} }} WHERE {{ {held} }}"),
        target.data("INSERT", f"{match_token(token)} .\n{record}"),
    ]


def match_origin() -> str:
    """Return the triple that records that a store was empty before its first update."""
    return f"{BOOKKEEPING} {ORIGIN} {EMPTY}"


def match_token(token: WriteToken) -> str:
    """Return the triple with a token."""
    return f"{BOOKKEEPING} {WRITE_TOKEN} {format_literal(Literal(str(token)))}"


def _match_positions(positions: Mapping[Partition, StorePosition]) -> Iterator[str]:
    for partition, position in sorted(positions.items()):
        yield f"{position_iri(partition)} {NEXT_OFFSET} {format_literal(Literal(position.next_offset))}"
