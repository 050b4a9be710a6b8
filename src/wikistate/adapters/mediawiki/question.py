"""What a wiki is asked: one query for many subjects, and how its answer is read. Pure.

The coalescer knows no more of a query than this page. Subjects are what is batched: revision ids, pages, titles. What
is asked of one wiki in different words never goes into one request, but shares its farm's limits and retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from wikistate.adapters.mediawiki.action_api import read_page, revisions_query, unknown_revision

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.adapters.mediawiki.action_api import Json, Page
    from wikistate.core.enrichment.failures import Failure


class Reading(Protocol):
    """Reads the answers to one query, the first one and its continuations, in their order."""

    def __call__(self, document: Json, asked: Collection[Any], /, *, place: str) -> Page | Failure:
        """What one answer says of the subjects that were asked for.

        Args:
            document: From `read_json`.
            asked: All subjects of the query.
            place: The wiki, for messages.
        """


class Question(Protocol):
    """A kind of query. Hashable: what is equal is asked together."""

    @property
    def most(self) -> int | None:
        """Subjects in a request at the most; None for as many as the settings allow."""

    def query(self, subjects: Collection[Any], extra: Mapping[str, str]) -> str:
        """The query for some subjects, percent-encoded.

        Args:
            subjects: As many as go into a request.
            extra: Further parameters: a continuation, an assertion.
        """

    def reading(self) -> Reading:
        """What reads the answers to one query; made anew for each, as it may remember what came before."""

    def unknown(self, subject: Any, place: str) -> Failure:
        """What a complete answer means that says nothing of a subject."""


class Revisions:
    """The content of revisions, by their ids. Answers are `Content`."""

    most = None

    def query(self, subjects: Collection[int], extra: Mapping[str, str]) -> str:
        """See `Question`."""
        return revisions_query(subjects, extra)

    def reading(self) -> Reading:
        """See `Question`."""
        return read_page

    def unknown(self, subject: int, place: str) -> Failure:
        """See `Question`."""
        return unknown_revision(subject, place)


REVISIONS = Revisions()
