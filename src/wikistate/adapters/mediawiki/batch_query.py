"""What a wiki is asked: one query for many subjects, and how its answer is read. Pure.

The coalescer knows no more of a query than this page. Subjects are what is batched: revision ids, pages, titles. What
is asked of one wiki in different words never goes into one request, but shares its farm's limits and retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from wikistate.adapters.mediawiki.action_api import build_revisions_query, missing_revision_failure, parse_revisions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.adapters.mediawiki.action_api import Json, ParsedResponse
    from wikistate.core.enrichment.failures import Failure


class ResponseParser(Protocol):
    """Reads the answers to one query, the first one and its continuations, in their order."""

    def __call__(self, document: Json, asked: Collection[Any], /, *, place: str) -> ParsedResponse | Failure:
        """What one answer says of the subjects that were asked for.

        Args:
            document: From `read_json`.
            asked: All subjects of the query.
            place: The wiki, for messages.
        """


class BatchQuery(Protocol):
    """A kind of query. Hashable: what is equal is asked together."""

    @property
    def max_subjects(self) -> int | None:
        """Subjects in a request at the most; None for as many as the settings allow."""

    def build_query(self, subjects: Collection[Any], extra: Mapping[str, str]) -> str:
        """The query for some subjects, percent-encoded.

        Args:
            subjects: As many as go into a request.
            extra: Further parameters: a continuation, an assertion.
        """

    def new_parser(self) -> ResponseParser:
        """What reads the answers to one query; made anew for each, as it may remember what came before."""

    def missing_failure(self, subject: Any, place: str) -> Failure:
        """What a complete answer means that says nothing of a subject."""


class RevisionsQuery:
    """The content of revisions, by their ids. Answers are `Content`."""

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
