"""Revisions of any age with the current state of their page: one request for up to 50, one more for redirects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.mediawiki.redirects import REDIRECT_TARGETS, REDIRECTS, REVISIONS_WITH_PAGES
from wikistate.core.enrichment.page_state import PageState
from wikistate.core.enrichment.retry import Fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.mediawiki.redirects import RevisionWithPage
    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.adapters.mediawiki.wikis import Wiki
    from wikistate.core.enrichment.content import Content
    from wikistate.core.enrichment.page_state import RedirectTarget


class PastRevision(NamedTuple):
    """Content of a revision, and the current state of its page."""

    content: Content
    page: PageState


@dataclass(frozen=True, slots=True)
class _PendingFetch:
    """Pending request; see `PastRevisionClient.fetch`."""

    wiki: Wiki
    event_time: float | None
    on_done: Callable[[PastRevision | Fail], None]


class PastRevisionClient:
    """Client for revisions with the current state of their pages.

    Args:
        client: Sends the requests; the caller opens and closes it.
    """

    def __init__(self, client: RevisionClient) -> None:
        self._client = client

    def fetch(
        self, wiki: Wiki, rev_id: int, *, event_time: float | None, on_done: Callable[[PastRevision | Fail], None]
    ) -> None:
        """Fetch a revision and its page; the arguments are those of `RevisionClient.fetch`."""
        found = partial(self._on_revision, _PendingFetch(wiki, event_time, on_done))
        self._client.query(wiki, REVISIONS_WITH_PAGES, rev_id, event_time=event_time, on_done=found)

    def _on_revision(self, pending: _PendingFetch, answer: RevisionWithPage | Fail) -> None:
        if isinstance(answer, Fail):
            pending.on_done(answer)
        elif not answer.is_redirect:
            pending.on_done(PastRevision(answer.content, PageState(is_redirect=False)))
        else:
            resolved = partial(self._on_redirect, pending, answer.content)
            self._client.query(pending.wiki, REDIRECTS, answer.page, event_time=pending.event_time, on_done=resolved)

    def _on_redirect(self, pending: _PendingFetch, content: Content, answer: PageState | Fail) -> None:
        if isinstance(answer, Fail):
            pending.on_done(answer)
        elif answer.target is None or answer.target.interwiki or answer.target.namespace is not None:
            pending.on_done(PastRevision(content, answer))
        else:
            described = partial(self._on_target, pending, content)
            self._client.query(
                pending.wiki, REDIRECT_TARGETS, answer.target.title, event_time=pending.event_time, on_done=described
            )

    def _on_target(self, pending: _PendingFetch, content: Content, answer: RedirectTarget | Fail) -> None:
        state = (
            answer if isinstance(answer, Fail) else PastRevision(content, PageState(is_redirect=True, target=answer))
        )
        pending.on_done(state)
