"""A query in anybody's words, for what there is no question for: asked alone, within the limits of its wiki's farm. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wikistate.adapters.mediawiki.action_api import Page, encode, warnings_of
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.adapters.mediawiki.action_api import Json
    from wikistate.adapters.mediawiki.question import Reading

ONCE = 0
"""The only subject of such a query: all that it asks for is in its parameters."""

_BASE = {"action": "query", "format": "json", "formatversion": "2"}


@dataclass(frozen=True, slots=True)
class AnyQuery:
    """A query of the Action API. Equal ones that wait at the same time are asked once. The answer is the document.

    Attributes:
        parameters: Names and values; ``action=query`` and the format need not be said.
    """

    parameters: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, parameters: Mapping[str, object]) -> Self:
        """The query for these parameters; values become text, lists the API's ``a|b|c``."""
        return cls(tuple(sorted((name, _text(value)) for name, value in parameters.items())))

    def query(self, subjects: Collection[int], extra: Mapping[str, str]) -> str:
        """See `Question`."""
        del subjects
        return encode({**_BASE, **dict(self.parameters), **extra})

    def reading(self) -> Reading:
        """See `Question`."""
        return _whole

    def unknown(self, subject: int, place: str) -> Failure:
        """See `Question`."""
        return Failure(FailureKind.EMPTY, f"{place} has no answer to query {subject}")


def _whole(document: Json, asked: Collection[int], /, *, place: str) -> Page:
    """The document as it is. Whether it is continued, and for how long, whoever asked decides."""
    del place
    return Page(dict.fromkeys(asked, document), {}, list(warnings_of(document)))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "|".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
