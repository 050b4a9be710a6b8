"""The size of a schema with its references: a few lines may stand for billions of rules that each event is checked against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wikistate.core.events.documents import Document

MAX_RULES = 100_000
"""Values of a schema, each counted as often as it is referred to. The largest of Wikimedia's schemas has some thousands."""

MAX_DEPTH = 300
"""Levels of a schema, references included."""


def find_excess(document: Document) -> str:
    """Return why a schema is too large to check events with, as a clause; empty if it is not."""
    counted = _Counter(document)
    try:
        size = counted.count(document, 0)
    except RecursionError:
        return f"it is nested deeper than {MAX_DEPTH} levels"
    return f"its references stand for more than {MAX_RULES} rules" if size > MAX_RULES else ""


class _Counter:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._sizes: dict[str, int] = {}

    def count(self, node: object, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise RecursionError
        if isinstance(node, list):
            return 1 + sum(self.count(each, depth + 1) for each in node)
        if not isinstance(node, dict):
            return 1
        reference = node.get("$ref")
        own = self._count_reference(reference, depth) if isinstance(reference, str) else 0
        return own + 1 + sum(self.count(each, depth + 1) for name, each in node.items() if name != "definitions")

    def _count_reference(self, reference: str, depth: int) -> int:
        if reference not in self._sizes:
            self._sizes[reference] = 1  # of a rule that refers to itself
            self._sizes[reference] = self.count(self._resolve(reference), depth + 1)
        return self._sizes[reference]

    def _resolve(self, reference: str) -> Any:
        """Return the value at a JSON pointer (RFC 6901) of the document; None if there is none, which the validator rejects."""
        node: Any = self._document
        for step in reference.removeprefix("#").split("/")[1:]:
            if not isinstance(node, dict):
                return None
            node = node.get(step.replace("~1", "/").replace("~0", "~"))
        return node
