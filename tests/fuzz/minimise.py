"""Minimisation of an input: the smallest part that still leads to the same finding, within some time."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.fuzz.batch import run_batch
from tests.fuzz.corpus import load_seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.finding import Finding
    from tests.fuzz.target import Target


def minimise(target: Target, found: Finding, *, seconds: float) -> Finding | None:
    """Return the finding with a smaller input; None if the input alone does not lead to it."""
    warm_up = next(iter(load_seeds(target).values()))
    details: dict[bytes, str] = {}

    def fails(data: bytes) -> bool:
        for _, signature, text in run_batch(target, [0], lambda _: data, warm_up=warm_up, seconds=None).found:
            if signature == found.signature:
                details[data] = text
                return True
        return False

    if not fails(found.data):
        return None
    smallest = shrink(found.data, fails, deadline=time.monotonic() + seconds)
    return replace(found, data=smallest, details=details.get(smallest, found.details))


def shrink(data: bytes, fails: Callable[[bytes], bool], *, deadline: float) -> bytes:
    """Return a part of some bytes that still fails, by removing ever smaller pieces until the deadline."""
    size = max(1, len(data) // 2)
    while size and time.monotonic() < deadline:
        at, removed = 0, False
        while at < len(data) and time.monotonic() < deadline:
            candidate = data[:at] + data[at + size :]
            if candidate and fails(candidate):
                data, removed = candidate, True
            else:
                at += size
        if not removed or size > len(data):
            size = min(size // 2, len(data) // 2) if size > 1 else 0
    return data
