"""Corpus of sample data: thirteen wikis, their pages, and a few thousand changes of all kinds in the order of events.

Nothing is stored: the same seed gives the same corpus, byte for byte, in well under a second.
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
"""Number of events for each canary event."""

START = datetime(2026, 6, 1, 6, 30)  # noqa: DTZ001  formatted with an explicit trailing Z, which is four times faster
OLD_PAGES = 4
"""Number of pages before the first event, for each unit of the weight of a wiki."""


@dataclass(frozen=True, slots=True)
class StoredRevision:
    """Revision with its wiki and page. `deleted`: its page is deleted after the last event."""

    wiki: Wiki
    page: Page
    revision: Revision
    deleted: bool


@dataclass(frozen=True, slots=True)
class Corpus:
    """Wikis with their events and histories.

    Attributes:
        wikis: The wikis by database name.
        events: Events of all wikis in the order of the stream, including canary events.
        histories: State of each wiki after the last event.
    """

    wikis: dict[str, Wiki]
    events: list[Event]
    histories: tuple[PageHistory, ...]

    def revisions(self) -> Iterator[StoredRevision]:
        """Yield all revisions, also of deleted pages, by wiki and page, oldest first."""
        for history in self.histories:
            for page_id, revisions in history.revisions.items():
                page, deleted = history.find_page(page_id)
                for revision in revisions:
                    yield StoredRevision(history.wiki, page, revision, deleted)


def load_wikis() -> dict[str, Wiki]:
    """Return the wikis of the sample data by database name."""
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
    """Generate a corpus.

    Args:
        seed: Seed of all random choices.
        changes: Number of events without the canary events.
        version: Schema version of the events.
    """
    rng = Random(seed)
    wikis = load_wikis()
    histories, weights = _create_histories(wikis, rng, version)
    moment = START
    created: list[Event] = []
    while len(created) < changes:
        moment += timedelta(seconds=rng.expovariate(0.4))
        history = rng.choices(histories, weights)[0]
        created += history.apply_change(moment, timedelta(seconds=rng.expovariate(2.0)))
    return Corpus(wikis, list(_add_canaries(created[:changes])), histories)


def _create_histories(
    wikis: dict[str, Wiki], rng: Random, version: SchemaVersion
) -> tuple[tuple[PageHistory, ...], list[int]]:
    histories, weights = [], []
    for wiki_id, entry in wikitext.load_sample("wikis.toml").items():
        history = PageHistory(
            wikis[wiki_id],
            wikitext.load_phrases(entry["bank"]),
            rng,
            next_revision=entry["next_revision"],
            next_page=entry["next_page"],
            version=version,
        )
        history.create_initial_pages(entry["weight"] * OLD_PAGES)
        histories.append(history)
        weights.append(entry["weight"])
    return tuple(histories), weights


def _add_canaries(created: list[Event]) -> Iterator[Event]:
    for number, event in enumerate(created, start=1):
        yield event
        if number % CANARY_EVERY == 0:
            yield events.build_canary(event)
