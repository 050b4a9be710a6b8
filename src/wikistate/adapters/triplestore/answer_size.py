"""Bound of the memory that the JSON of a store's answer takes once it is parsed."""

from __future__ import annotations

from typing import Final

from wikistate.errors import StoreError

MAX_ANSWER_BYTES: Final = 256 << 20
"""Bytes of an answer. The triples of the largest entity of Wikidata take some 50 MiB."""

MAX_ANSWER_MEMORY: Final = 1 << 30
"""Memory of a parsed answer, in bytes: a million bindings. The largest query asks for 100,000 entities."""

THREAD_THRESHOLD_BYTES: Final = 1 << 20
"""Bytes of an answer from which a thread parses it: some 20 ms of work that would block the event loop."""

_UNCHECKED: Final = 8 << 20
"""Bytes of an answer that stays below the limit, whatever it holds."""

_OBJECT, _ARRAY, _ITEM = 500, 70, 60
"""Bytes of memory for each opening brace, opening bracket and comma, the terms of the bindings included. Measured: less."""


def check_answer(body: bytes, url: str) -> None:
    """Check the memory that an answer takes once it is parsed. It is estimated from its punctuation.

    Raises:
        StoreError: It exceeds the limit.
    """
    if len(body) <= _UNCHECKED:
        return
    memory = len(body) + _OBJECT * body.count(b"{") + _ARRAY * body.count(b"[") + _ITEM * body.count(b",")
    if memory > MAX_ANSWER_MEMORY:
        raise StoreError(
            f"{url} answers a query with {len(body):,} bytes, which take some {memory:,} bytes of memory; allowed are "
            f"{MAX_ANSWER_MEMORY:,}.",
            hint="Check that the URL is that of the store, and that no proxy answers instead of it.",
            url=url,
        )
