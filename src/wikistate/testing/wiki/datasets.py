"""Datasets of a fake wiki: one in memory, and a synthetic one that generates every requested revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from wikistate.demo import wikitext
from wikistate.demo.pages import Page, RedirectLink, Revision, Wiki, make_slot
from wikistate.testing.wiki.cached_bodies import CachedBody
from wikistate.testing.wiki.revision_format import RevisionFormat, measure_size, render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.demo.corpus import Corpus


class RevisionFragment(NamedTuple):
    """Encoded revision.

    Attributes:
        page: Page of the revision.
        pieces: Parts of the JSON object of the revision.
        size: Bytes that the revision adds to the size of a result.
    """

    page: Page
    pieces: tuple[CachedBody, ...]
    size: int


class Dataset(Protocol):
    """Wikis with their pages and revisions, as visible to users without special rights.

    Protocol: the server calls it in its event loop for each request; no method blocks. Ids are unique only within a wiki.
    """

    @property
    def wikis(self) -> dict[str, Wiki]:
        """Wikis by domain. The first is the default of requests without a known domain."""

    def get_fragment(self, wiki: Wiki, rev_id: int, shape: RevisionFormat) -> RevisionFragment | None:
        """Return a revision, or None if it does not exist or its page is deleted."""

    def find_revision(self, wiki: Wiki, rev_id: int) -> tuple[Page, Revision] | None:
        """Return the page and the revision, or None as `get_fragment` does."""

    def find_page(self, wiki: Wiki, *, title: str = "", page_id: int = 0) -> Page | None:
        """Return a page by its prefixed title in text form, or by its id."""

    def latest_revision(self, wiki: Wiki, page: Page) -> int:
        """Return the id of the current revision of the page."""


class MemoryDataset:
    """Dataset in memory. Revisions that were sent once are cached in encoded form.

    Args:
        wikis: The wikis; the first is the default of requests without a known domain.
    """

    def __init__(self, *wikis: Wiki) -> None:
        self.wikis = {wiki.domain: wiki for wiki in wikis}
        self._revisions: dict[tuple[str, int], tuple[Page, Revision]] = {}
        self._pages: dict[tuple[str, int], Page] = {}
        self._titles: dict[tuple[str, str], Page] = {}
        self._latest: dict[tuple[str, int], int] = {}
        self._fragments: dict[tuple[str, int, RevisionFormat], RevisionFragment] = {}

    @classmethod
    def from_corpus(cls, corpus: Corpus, *, with_deleted: bool = False) -> MemoryDataset:
        """Make the dataset with the state at the end of a corpus.

        Args:
            corpus: Wikis with their histories.
            with_deleted: Whether the revisions of deleted pages are still available, as at the time of their events.
                Without it they are in ``badrevids``, as for a job that is far behind the wiki.
        """
        dataset = cls(*corpus.wikis.values())
        for stored in corpus.revisions():
            if with_deleted or not stored.deleted:
                dataset.put(stored.wiki, stored.page, stored.revision)
        return dataset

    def put(self, wiki: Wiki, page: Page, *revisions: Revision) -> None:
        """Add or replace a page and some of its revisions; the last of them becomes the current revision."""
        self.wikis.setdefault(wiki.domain, wiki)
        self._pages[wiki.wiki_id, page.page_id] = page
        self._titles[wiki.wiki_id, page.title] = page
        for revision in revisions:
            self._revisions[wiki.wiki_id, revision.rev_id] = page, revision
            self._latest[wiki.wiki_id, page.page_id] = revision.rev_id
            self._fragments = {key: value for key, value in self._fragments.items() if key[1] != revision.rev_id}

    def remove(self, wiki: Wiki, rev_id: int) -> None:
        """Remove a revision, as the deletion of its page does for users without special rights."""
        self._revisions.pop((wiki.wiki_id, rev_id), None)
        self._fragments = {key: value for key, value in self._fragments.items() if key[:2] != (wiki.wiki_id, rev_id)}

    def remove_page(self, wiki: Wiki, page: Page, revisions: Iterable[int]) -> None:
        """Remove a page and its revisions."""
        self._pages.pop((wiki.wiki_id, page.page_id), None)
        self._titles.pop((wiki.wiki_id, page.title), None)
        for rev_id in revisions:
            self.remove(wiki, rev_id)

    def get_fragment(self, wiki: Wiki, rev_id: int, shape: RevisionFormat) -> RevisionFragment | None:
        """See `Dataset`."""
        key = (wiki.wiki_id, rev_id, shape)
        if (known := self._fragments.get(key)) is not None:
            return known
        if (found := self.find_revision(wiki, rev_id)) is None:
            return None
        page, revision = found
        shown = render(revision, shape)
        fragment = self._fragments[key] = RevisionFragment(
            page, (CachedBody(orjson.dumps(shown)),), measure_size(shown)
        )
        return fragment

    def find_revision(self, wiki: Wiki, rev_id: int) -> tuple[Page, Revision] | None:
        """See `Dataset`."""
        return self._revisions.get((wiki.wiki_id, rev_id))

    def find_page(self, wiki: Wiki, *, title: str = "", page_id: int = 0) -> Page | None:
        """See `Dataset`."""
        return self._titles.get((wiki.wiki_id, title)) if title else self._pages.get((wiki.wiki_id, page_id))

    def latest_revision(self, wiki: Wiki, page: Page) -> int:
        """See `Dataset`."""
        return self._latest[wiki.wiki_id, page.page_id]


_TITLE_PREFIX = "Page "


class SyntheticDataset:
    """Synthetic dataset: every revision exists, with the same body, and nothing is stored.

    Args:
        wikis: The wikis.
        body_bytes: Size of the body of each revision.
        redirects_every: Each page with an id that is a multiple of this redirects to the next page; 0 for no redirects.
    """

    def __init__(self, *wikis: Wiki, body_bytes: int = 10_240, redirects_every: int = 0) -> None:
        self._redirects_every = redirects_every
        self.wikis = {wiki.domain: wiki for wiki in wikis}
        self._slots = (make_slot(wikitext.make_filler(body_bytes)),)
        self._tails: dict[RevisionFormat, tuple[bytes, CachedBody, int]] = {}

    def get_fragment(self, wiki: Wiki, rev_id: int, shape: RevisionFormat) -> RevisionFragment | None:
        """See `Dataset`. The page of a revision has the same id."""
        del wiki
        if rev_id <= 0:
            return None
        start, tail, size = self._tails.get(shape) or self._encode_around_number(shape)
        # Without a parent, two revisions differ only in their id.
        head = CachedBody(b"%s%d" % (start, rev_id)) if start else CachedBody(b"")
        return RevisionFragment(self._make_page(rev_id), (head, tail), size)

    def find_revision(self, wiki: Wiki, rev_id: int) -> tuple[Page, Revision] | None:
        """See `Dataset`."""
        del wiki
        return (self._make_page(rev_id), Revision(rev_id, self._slots, None)) if rev_id > 0 else None

    def find_page(self, wiki: Wiki, *, title: str = "", page_id: int = 0) -> Page | None:
        """See `Dataset`."""
        del wiki
        number = title.removeprefix(_TITLE_PREFIX) if title.startswith(_TITLE_PREFIX) else str(page_id)
        return self._make_page(int(number)) if number.isdecimal() and int(number) > 0 else None

    def latest_revision(self, wiki: Wiki, page: Page) -> int:
        """See `Dataset`."""
        del wiki
        return page.page_id

    def _make_page(self, number: int) -> Page:
        leads = self._redirects_every and number % self._redirects_every == 0
        return Page(
            number, f"{_TITLE_PREFIX}{number}", redirect=RedirectLink(f"{_TITLE_PREFIX}{number + 1}") if leads else None
        )

    def _encode_around_number(self, shape: RevisionFormat) -> tuple[bytes, CachedBody, int]:
        """Encode the JSON before and after the revision id, which is the first member if it is shown."""
        shown = render(Revision(1, self._slots, None), shape)
        document = orjson.dumps(shown)
        start = b'{"revid":' if "revid" in shown else b""
        tail = CachedBody(document[len(start) + 1 :] if start else document)
        self._tails[shape] = start, tail, measure_size(shown)
        return self._tails[shape]
