"""Revisions of any age with what their page is now: one request for up to 50, and one more for those on redirects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.mediawiki.redirects import REDIRECTS, REVISIONS_OF_PAGES, TARGETS
from wikistate.core.enrichment.judge import Fail
from wikistate.core.enrichment.page_state import PageState

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.mediawiki.redirects import RevisionOfPage
    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.adapters.mediawiki.wikis import Wiki
    from wikistate.core.enrichment.content import Content
    from wikistate.core.enrichment.page_state import RedirectTarget


class PastRevision(NamedTuple):
    """A revision, and the page as it is now."""

    content: Content
    page: PageState


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for; see `History.fetch`."""

    wiki: Wiki
    born: float | None
    done: Callable[[PastRevision | Fail], None]


class History:
    """Fetches revisions and what their pages are now.

    Args:
        client: Asks the wikis. Whoever made it opens and closes it.
    """

    def __init__(self, client: RevisionClient) -> None:
        self._client = client

    def fetch(
        self, wiki: Wiki, rev_id: int, *, born: float | None, done: Callable[[PastRevision | Fail], None]
    ) -> None:
        """Ask for a revision and its page; the arguments are those of `RevisionClient.fetch`."""
        found = partial(self._found, _Wanted(wiki, born, done))
        self._client.ask(wiki, REVISIONS_OF_PAGES, rev_id, born=born, done=found)

    def _found(self, wanted: _Wanted, answer: RevisionOfPage | Fail) -> None:
        if isinstance(answer, Fail):
            wanted.done(answer)
        elif not answer.is_redirect:
            wanted.done(PastRevision(answer.content, PageState(is_redirect=False)))
        else:
            resolved = partial(self._resolved, wanted, answer.content)
            self._client.ask(wanted.wiki, REDIRECTS, answer.page, born=wanted.born, done=resolved)

    def _resolved(self, wanted: _Wanted, content: Content, answer: PageState | Fail) -> None:
        if isinstance(answer, Fail):
            wanted.done(answer)
        elif answer.target is None or answer.target.interwiki or answer.target.namespace is not None:
            wanted.done(PastRevision(content, answer))
        else:
            described = partial(self._described, wanted, content)
            self._client.ask(wanted.wiki, TARGETS, answer.target.title, born=wanted.born, done=described)

    def _described(self, wanted: _Wanted, content: Content, answer: RedirectTarget | Fail) -> None:
        state = (
            answer if isinstance(answer, Fail) else PastRevision(content, PageState(is_redirect=True, target=answer))
        )
        wanted.done(state)
