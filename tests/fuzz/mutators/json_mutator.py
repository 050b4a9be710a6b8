"""Mutations of JSON documents: values, keys and structure, so that most results are still JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fuzz.mutators.oddities import odd_json, odd_text, quote

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

_MAX_SLOTS = 2_000
"""Places of a document that are considered; a larger one is mutated near its beginning."""


class Raw(str):
    """JSON text that stands verbatim in the result."""

    __slots__ = ()


class Pairs(list[list[Any]]):
    """Object as a list of keys and values, so that keys may repeat."""


Slot = tuple[list[Any], int]
"""Place of a value: a list and an index in it."""


def parse(data: bytes) -> Any:
    """Return a document with objects as `Pairs`. Raise `ValueError` if it is not JSON, or is nested too deep."""
    try:
        return json.loads(data, object_pairs_hook=lambda pairs: Pairs([key, value] for key, value in pairs))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def dump(value: Any) -> str:
    """Return a document as text."""
    match value:
        case Raw():
            return str(value)
        case str():
            return quote(value)
        case Pairs():
            return "{" + ",".join(f"{dump(key)}:{dump(inner)}" for key, inner in value) + "}"
        case list():
            return "[" + ",".join(map(dump, value)) + "]"
        case _:
            return json.dumps(value)


def mutate_json(
    data: bytes, rng: random.Random, others: Sequence[bytes], mutate_text: Callable[[str, random.Random], str]
) -> bytes:
    """Return a document with some mutations.

    Args:
        data: JSON.
        rng: Source of all choices.
        others: Other documents of the same target, whose parts are spliced in.
        mutate_text: Mutates a text inside the document.

    Raises:
        ValueError: The input is not JSON.
    """
    root = [parse(data)]
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        _mutate_once(root, rng, others, mutate_text)
    return dump(root[0]).encode("utf-8", "surrogatepass")


def _mutate_once(
    root: list[Any], rng: random.Random, others: Sequence[bytes], mutate_text: Callable[[str, random.Random], str]
) -> None:
    slots = list(_slots(root))
    holder, index = rng.choice(slots)
    value = holder[index]
    match rng.randrange(16):
        case 0 | 1 | 2 | 3 | 4 | 5:
            holder[index] = Raw(odd_json(rng))
        case 6:
            holder[index] = [value] if rng.random() < 0.5 else Pairs([["a", value]])
        case 7:
            other_holder, other_index = rng.choice(slots)
            holder[index] = other_holder[other_index] if not _holds(other_holder[other_index], holder) else None
        case 8 | 9 if isinstance(value, str):
            holder[index] = _mutate_inner(value, rng, others, mutate_text)
        case 10 if others:
            holder[index] = _splice(rng, others)
        case _:
            if found := _containers(root):
                _mutate_container(rng.choice(found), rng)
            else:
                root[0] = Raw(odd_json(rng))


def _mutate_inner(
    value: str, rng: random.Random, others: Sequence[bytes], mutate_text: Callable[[str, random.Random], str]
) -> str:
    if value[:1] in ("{", "["):
        try:
            return mutate_json(value.encode(), rng, others, mutate_text).decode("utf-8", "surrogatepass")
        except ValueError:
            pass
    return mutate_text(value, rng)


def _mutate_container(holder: list[Any], rng: random.Random) -> None:
    if not holder:
        holder.append([odd_text(rng), Raw(odd_json(rng))] if isinstance(holder, Pairs) else Raw(odd_json(rng)))
        return
    index = rng.randrange(len(holder))
    match rng.randrange(6):
        case 0 | 1:
            del holder[index]
        case 2:
            holder[index:index] = [holder[index]] * rng.choice((1, 1, 2, 60, 500))
        case 3 if isinstance(holder, Pairs):
            holder[index] = [odd_text(rng) if rng.random() < 0.5 else rng.choice(holder)[0], holder[index][1]]
        case 4 if isinstance(holder, Pairs):
            holder.append([holder[index][0], Raw(odd_json(rng))])
        case _:
            rng.shuffle(holder)


def _splice(rng: random.Random, others: Sequence[bytes]) -> Any:
    try:
        found = [parse(rng.choice(others))]
    except ValueError:
        return None
    holder, index = rng.choice(list(_slots(found)))
    return holder[index]


def _slots(root: list[Any]) -> Iterator[Slot]:
    """Yield the places of values, the nearest to the root first."""
    level: list[list[Any]] = [root]
    count = 0
    while level and count < _MAX_SLOTS:
        below: list[list[Any]] = []
        for holder in level:
            for index, each in enumerate(holder):
                place: Slot = (each, 1) if isinstance(holder, Pairs) else (holder, index)
                yield place
                count += 1
                inner = place[0][place[1]]
                if isinstance(inner, list):
                    below.append(inner)
        level = below


def _containers(root: list[Any]) -> list[list[Any]]:
    return [holder[index] for holder, index in _slots(root) if isinstance(holder[index], list)]


def _holds(value: Any, wanted: Any) -> bool:
    """Return whether a value contains another one, which would make a cycle."""
    pending = [value]
    while pending:
        each = pending.pop()
        if each is wanted:
            return True
        if isinstance(each, list):
            pending += each
    return False
