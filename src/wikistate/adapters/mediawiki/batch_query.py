"""Batch queries: one query about many subjects, and the parser of its responses. Pure.

The coalescer knows queries by these protocols alone. Subjects are the unit of a batch: revision ids, pages, titles.
Different queries to one wiki never share a request, but they share the limits and retries of the farm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from wikistate.adapters.mediawiki.action_api import build_revisions_query, missing_revision_failure, parse_revisions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.adapters.mediawiki.action_api import Json, ParsedResponse
    from wikistate.core.enrichment.failures import Failure


class ResponseParser(Protocol):
    """Parser of the responses to one query: the first one and its continuations, in their order."""

    def __call__(self, document: Json, requested: Collection[Any], /, *, place: str) -> ParsedResponse | Failure:
        """Return the results for the requested subjects.

        Args:
            document: Result of `parse_json`.
            requested: All subjects of the query.
            place: Domain or address of the wiki, for messages.
        """


class BatchQuery(Protocol):
    """Kind of query. It is hashable: subjects of equal queries share a request."""

    @property
    def max_subjects(self) -> int | None:
        """Largest number of subjects in a request; None for the limit of the settings."""

    def build_query(self, subjects: Collection[Any], extra: Mapping[str, str]) -> str:
        """Return the percent-encoded query for some subjects.

        Args:
            subjects: Subjects of one request.
            extra: Further parameters: a continuation, an assertion.
        """

    def new_parser(self) -> ResponseParser:
        """Return a parser for the responses to one query. Each query needs a new one, because a parser may keep state."""

    def missing_failure(self, subject: Any, place: str) -> Failure:
        """Return the failure of a subject that a complete response does not mention."""


class RevisionsQuery:
    """Query of the content of revisions by their ids. The results are `Content`."""

    max_subjects = None

    def build_query(self, subjects: Collection[int], extra: Mapping[str, str]) -> str:
        """See `BatchQuery`."""
        return build_revisions_query(subjects, extra)

    def new_parser(self) -> ResponseParser:
        """See `BatchQuery`."""
        return parse_revisions

    def missing_failure(self, subject: int, place: str) -> Failure:
        """See `BatchQuery`."""
        return missing_revision_failure(subject, place)


REVISIONS = RevisionsQuery()
