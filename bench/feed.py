"""The fixed data: page changes that are edits of existing pages, the same in every run and on every machine."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

import orjson

from wikistate.demo import corpus
from wikistate.demo.wikitext import load_sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.demo.events import Event

SEED = 7
PAGES = 20_000
"""Number of edited pages: few enough that several edits of a page are in flight and must keep their order."""

FIRST_REVISION = 1_000_000_001
WIKI, DOMAIN = "enwiki", "en.wikipedia.org"
_PAGE, _REVISION = (
    98_765_432_101,
    98_765_432_102,
)  # placeholders of the numbers in the template, which occur nowhere else
_TIME = "2026-01-15T12:00:00Z"


class Edit(NamedTuple):
    """Record of the source topic. `value` is an event of about 2.3 KB."""

    key: bytes
    value: bytes
    rev_id: int


class EditTemplate:
    """Template of an edit of the sample data, with gaps for the fields that differ between events."""

    def __init__(self) -> None:
        event = _find_sample() | {"dt": _TIME, "wiki_id": WIKI}
        event["meta"] |= {"dt": _TIME, "domain": DOMAIN}
        event["page"] |= {"page_id": _PAGE}
        event["revision"] |= {"rev_id": _REVISION, "rev_dt": _TIME}
        text = orjson.dumps(event).replace(b"%", b"%%")
        for sentinel, gap in (
            (b"%d" % _PAGE, b"%(page)d"),
            (b"%d" % _REVISION, b"%(revision)d"),
            (b'"wiki_id":"enwiki"', b'"wiki_id":"%(wiki)b"'),
            (DOMAIN.encode(), b"%(domain)b"),
        ):
            text = text.replace(sentinel, gap)
        self._text = text

    def make_edit(self, *, page_id: int, rev_id: int, wiki: str = WIKI, domain: str = DOMAIN) -> Edit:
        """Return the record of an edit."""
        known = {b"page": page_id, b"revision": rev_id, b"wiki": wiki.encode(), b"domain": domain.encode()}
        key = b'{"wiki_id":"%b","page_id":%d}' % (wiki.encode(), page_id)
        return Edit(key, self._text % known, rev_id)


def generate_edits(count: int, *, wikis: bool = False) -> Iterator[Edit]:
    """Yield edits with ascending revision ids.

    Args:
        count: Number of edits.
        wikis: Distribute the edits over the wikis of the sample data, by their weights; else all are of one wiki.
    """
    random, template = Random(SEED), EditTemplate()
    places, weights = _list_wikis() if wikis else ([(WIKI, DOMAIN)], [1])
    for number in range(count):
        ((wiki, domain),) = random.choices(places, weights)
        page_id = 1 + random.randrange(PAGES)
        yield template.make_edit(page_id=page_id, rev_id=FIRST_REVISION + number, wiki=wiki, domain=domain)


def _list_wikis() -> tuple[list[tuple[str, str]], list[int]]:
    sample = load_sample("wikis.toml")
    return [(name, entry["domain"]) for name, entry in sample.items()], [entry["weight"] for entry in sample.values()]


def _find_sample() -> Event:
    """Return the first edit of the sample data with one slot, as the revisions of the synthetic wiki have one slot."""
    return next(
        event
        for event in corpus.compose(changes=50).events
        if event["page_change_kind"] == "edit"
        and event["wiki_id"] == WIKI
        and event["revision"]["content_slots"].keys() == {"main"}
    )
