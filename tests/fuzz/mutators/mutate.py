"""Input of a case: seeds of the target, mutated by the form of its input. The same numbers give the same input."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.fuzz.mutators.byte_mutator import mutate_bytes
from tests.fuzz.mutators.compression import FILE_FORMATS, compress
from tests.fuzz.mutators.http_mutator import mutate_http
from tests.fuzz.mutators.json_mutator import mutate_json
from tests.fuzz.mutators.oddities import odd_json
from tests.fuzz.mutators.text_mutator import mutate_text
from tests.fuzz.target import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.target import Target

_MAX_INPUT = 8 * 1024 * 1024
"""Bytes of an input. The sources bound a record; in the memory of a child a longer one is beyond what a parser can take."""

_LINES = 40
"""Lines of an input of JSON lines that are mutated one by one."""


def build_input(target: Target, seeds: Sequence[bytes], *, seed: int, case: int) -> bytes:
    """Return the input of a case.

    Args:
        target: The target.
        seeds: Its seeds and regression cases, in a fixed order.
        seed: Number of the run.
        case: Number of the case in the run.
    """
    rng = random.Random(f"{target.name}/{seed}/{case}")
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2))):
        try:
            mutated = _mutate(target, data, rng, seeds)
        except (MemoryError, RecursionError):  # a repeat of a repeat; the limits are for the reader
            break
        if len(mutated) > _MAX_INPUT:
            break
        data = mutated
    if target.compressed and rng.random() < 0.35:
        _, data = compress(data, rng, FILE_FORMATS)
    return data


def _mutate(target: Target, data: bytes, rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    if rng.random() < 0.08:
        return mutate_bytes(data, rng, seeds)
    match target.kind:
        case Kind.JSON:
            return _mutate_document(target, data, rng, seeds)
        case Kind.JSON_LINES:
            return _mutate_json_lines(target, data, rng, seeds)
        case Kind.HTTP:
            return mutate_http(data, rng, seeds, target.tokens)
        case Kind.TEXT:
            return _mutate_text(target, data, rng, seeds)
        case Kind.BINARY:
            return mutate_bytes(data, rng, seeds)


def _mutate_document(target: Target, data: bytes, rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    if rng.random() < 0.03:
        return odd_json(rng).encode("utf-8", "surrogatepass")
    try:
        return mutate_json(data, rng, seeds, lambda text, source: mutate_text(text, source, tokens=target.tokens))
    except ValueError:
        return mutate_bytes(data, rng, seeds)


def _mutate_json_lines(target: Target, data: bytes, rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    if rng.random() < 0.25:
        return _mutate_text(target, data, rng, seeds)
    documents = [line for other in seeds for line in other.split(b"\n")]
    for _ in range(rng.choice((1, 1, 2, 4))):
        index = rng.randrange(min(len(lines), _LINES))
        lines[index] = _mutate_document(target, lines[index], rng, documents)
    return b"\n".join(lines)


def _mutate_text(target: Target, data: bytes, rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    others = [other.decode("utf-8", "replace") for other in seeds[:20]]
    mutated = mutate_text(text, rng, tokens=target.tokens, others=others)
    return mutated.encode("utf-8", "surrogatepass")
