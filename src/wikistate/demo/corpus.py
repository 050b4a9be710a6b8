"""A small world: thirteen wikis, their pages, and a few thousand changes of all kinds in the order of their events.

Nothing is stored: the same seed gives the same world, byte for byte, in well under a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from wikistate.demo import events, wikitext
from wikistate.demo.page_history import PageHistory
from wikistate.demo.pages import Wiki

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.demo.events import Event, SchemaVersion
    from wikistate.demo.pages import Page, Revision

SEED = 2026
CHANGES = 3_000
CANARY_EVERY = 250
"""One event of so many is artificial."""

START = datetime(2026, 6, 1, 6, 30)  # noqa: DTZ001  written out with a trailing Z by hand, four times faster
OLD_PAGES = 4
"""How many pages each unit of a wiki's weight has before the first event."""


@dataclass(frozen=True, slots=True)
class StoredRevision:
    """A revision with where it belongs. `clearing`: its page is in the archive when the last event has happened."""

    wiki: Wiki
    page: Page
    revision: Revision
    deleted: bool


@dataclass(frozen=True, slots=True)
class Corpus:
    """What came out.

    Attributes:
        wikis: The wikis, by database name.
        events: The events of all wikis, as they arrive on the stream, canaries among them.
        histories: What is left in each wiki at the end.
    """

    wikis: dict[str, Wiki]
    events: list[Event]
    histories: tuple[PageHistory, ...]

    def revisions(self) -> Iterator[StoredRevision]:
        """All revisions that ever were, wiki by wiki and page by page, oldest first."""
        for chronicle in self.histories:
            for page_id, past in chronicle.revisions.items():
                page, deleted = chronicle.find_page(page_id)
                for revision in past:
                    yield StoredRevision(chronicle.wiki, page, revision, deleted)


def load_wikis() -> dict[str, Wiki]:
    """The wikis of the small world, by database name."""
    return {
        wiki_id: Wiki(
            wiki_id=wiki_id,
            domain=entry["domain"],
            language=entry["bank"],
            site_name=entry["site_name"],
            namespaces={int(number): name for number, name in entry["namespaces"].items()},
        )
        for wiki_id, entry in wikitext.load_sample("wikis.toml").items()
    }


def compose(*, seed: int = SEED, changes: int = CHANGES, version: SchemaVersion = "1.7.0") -> Corpus:
    """Make up a world.

    Args:
        seed: Decides everything.
        changes: How many real events, canaries not counted.
        version: The schema version of the events.
    """
    rng = Random(seed)
    known = load_wikis()
    chronicles, weights = _create_histories(known, rng, version)
    moment = START
    told: list[Event] = []
    while len(told) < changes:
        moment += timedelta(seconds=rng.expovariate(0.4))
        chronicle = rng.choices(chronicles, weights)[0]
        told += chronicle.apply_change(moment, timedelta(seconds=rng.expovariate(2.0)))
    return Corpus(known, list(_add_canaries(told[:changes])), chronicles)


def _create_histories(
    known: dict[str, Wiki], rng: Random, version: SchemaVersion
) -> tuple[tuple[PageHistory, ...], list[int]]:
    chronicles, weights = [], []
    for wiki_id, entry in wikitext.load_sample("wikis.toml").items():
        chronicle = PageHistory(
            known[wiki_id],
            wikitext.load_phrases(entry["bank"]),
            rng,
            next_revision=entry["next_revision"],
            next_page=entry["next_page"],
            version=version,
        )
        chronicle.create_initial_pages(entry["weight"] * OLD_PAGES)
        chronicles.append(chronicle)
        weights.append(entry["weight"])
    return tuple(chronicles), weights


def _add_canaries(told: list[Event]) -> Iterator[Event]:
    for number, event in enumerate(told, start=1):
        yield event
        if number % CANARY_EVERY == 0:
            yield events.build_canary(event)
