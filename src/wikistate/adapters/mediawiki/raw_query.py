"""Custom query of the Action API, sent without batching and within the limits of the wiki's farm. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.mediawiki.action_api import ParsedResponse, encode, get_warnings
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.adapters.mediawiki.action_api import Json
    from wikistate.adapters.mediawiki.batch_query import ResponseParser

Parameters = tuple[tuple[str, str], ...]
"""Sorted names and values of a query, without ``action=query`` and the format."""

_BASE = {"action": "query", "format": "json", "formatversion": "2"}


def encode_parameters(values: Mapping[str, object]) -> Parameters:
    """Return the parameters of a query. Values become text, and lists become ``a|b|c``."""
    return tuple(sorted((name, _text(value)) for name, value in values.items()))


class RawQuery:
    """Custom queries, each with its `Parameters` as subject. The results are the documents."""

    max_subjects = 1

    def build_query(self, subjects: Collection[Parameters], extra: Mapping[str, str]) -> str:
        """See `BatchQuery`."""
        (parameters,) = subjects
        return encode({**_BASE, **dict(parameters), **extra})

    def new_parser(self) -> ResponseParser:
        """See `BatchQuery`."""
        return _parse_document

    def missing_failure(self, subject: Parameters, place: str) -> Failure:
        """See `BatchQuery`."""
        return Failure(FailureKind.EMPTY, f"{place} has no answer to {dict(subject)!r:.200}")


RAW_QUERY = RawQuery()


def _parse_document(document: Json, requested: Collection[Parameters], /, *, place: str) -> ParsedResponse:
    """Return the unchanged document. The caller decides about continuations."""
    del place
    return ParsedResponse(dict.fromkeys(requested, document), {}, list(get_warnings(document)))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "|".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
