"""Changes of the fake Wikibase, as events of page_change and the legacy streams, and in lists of the Action API."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema_rs import Draft7Validator

from wikistate.core.updater.entity_pages import EntityPages
from wikistate.core.updater.input_events import PageDeleted, PageUndeleted, RevisionCreated
from wikistate.core.updater.legacy_streams import (
    LegacyPageDeleteFormat,
    LegacyPageUndeleteFormat,
    LegacyRevisionCreateFormat,
)
from wikistate.core.updater.page_change_format import PageChangeFormat
from wikistate.demo.pages import Visibility
from wikistate.testing.clock import ManualClock
from wikistate.testing.wikibase import EditSimulator, Item, Repository, build_legacy_event, build_page_change
from wikistate.testing.wikibase.change_rows import list_log_events, list_recent_changes

if TYPE_CHECKING:
    from wikistate.core.updater.input_reader import EventFormat

START = 1_780_000_000.0


@cache
def history(seed: int = 1, changes: int = 400) -> Repository:
    """Return a repository after so many changes, one a second."""
    clock = ManualClock(START)
    made = Repository(clock=clock.now)
    simulator = EditSimulator(made, seed=seed, triples=60)
    simulator.create_initial()
    while len(made.journal) < changes:
        clock.advance(1.0)
        simulator.apply()
    return made


def test_same_seed_gives_the_same_history() -> None:
    """All changes and all triples are the same."""
    one, same = history(), history.__wrapped__()
    assert one.journal == same.journal
    assert set(one.dump()) == set(same.dump())
    assert one.journal != history(2).journal


def test_every_kind_of_change_occurs() -> None:
    """There are also suppressions, redirects and merges."""
    journal = history().journal
    assert set(Counter(change.kind for change in journal)) == {
        "create",
        "edit",
        "delete",
        "undelete",
        "visibility_change",
    }
    assert any(change.kind == "delete" and change.prior_visibility for change in journal)
    comments = " ".join(change.revision.comment for change in journal)
    assert "wbcreateredirect" in comments
    assert "wbmergeitems-to" in comments


def test_dump_has_all_existing_entities() -> None:
    """It has the documents of the current revisions, with redirects and without deleted entities."""
    made = history()
    assert set(made.dump()) == {triple for entity in made.current_revisions for triple in made.document(entity) or ()}
    assert made.restorable
    assert not set(made.restorable) & made.current_revisions.keys()
    assert all(made.document(entity) is None for entity in made.restorable)


def test_sitelinks_move_with_a_merge() -> None:
    """In each revision a sitelink belongs to one item only."""
    made = Repository()
    simulator = EditSimulator(made)
    for number in (1, 2):
        made.save(replace(simulator._generator.make_item(f"Q{number}"), sitelinks=(simulator._generate_sitelink(),)))
    links = [made.entity(name).sitelinks[0] for name in ("Q1", "Q2")]  # type: ignore[union-attr]  # they are items
    emptied, filled, redirected = made.merge("Q1", "Q2")
    assert [change.entity for change in (emptied, filled, redirected)] == ["Q1", "Q2", "Q1"]
    merged = made.entity("Q2")
    assert isinstance(merged, Item)
    assert set(merged.sitelinks) == set(links)
    assert not any("schema.org/Article" in str(triple) for triple in made.document("Q1", emptied.revision.rev_id) or ())
    assert redirected.page.redirect is not None
    assert redirected.page.redirect.title == "Item:Q2"


def test_revision_can_be_hidden_and_shown_again() -> None:
    """A hidden revision has no document, and the entity still exists."""
    made = Repository()
    first = made.save(Item(id="Q1"))
    made.save(Item(id="Q1", labels={"en": "x"}))
    made.hide("Q1", first.revision.rev_id)
    assert made.document("Q1", first.revision.rev_id) is None
    assert made.document("Q1")
    made.hide("Q1", first.revision.rev_id, visibility=Visibility())
    assert made.document("Q1", first.revision.rev_id)


def test_restored_entity_has_all_its_revisions() -> None:
    """The revision ids do not change."""
    made = Repository()
    saved = [made.save(Item(id="Q1", labels={"en": str(number)})).revision.rev_id for number in range(3)]
    made.delete("Q1")
    assert [made.document("Q1", rev_id) for rev_id in saved] == [None] * 3
    made.restore("Q1")
    assert all(made.document("Q1", rev_id) for rev_id in saved)


@cache
def validator(version: str) -> Draft7Validator:
    """Return a validator for the bundled schema of a version."""
    folder = resources.files("wikistate.core.events.bundled")
    text = folder.joinpath(f"jsonschema/mediawiki/page/change/{version}.yaml").read_text()
    return Draft7Validator(yaml.safe_load(text), validate_formats=True)


@pytest.mark.parametrize("version", ["1.7.0", "1.11.0"])
def test_every_change_is_a_valid_event(version: Any) -> None:
    """The events are valid in both versions and have unique ids."""
    made = history()
    events = [build_page_change(change, made.wiki, version=version) for change in made.journal]
    assert not [error for event in events for error in validator(version).iter_errors(event)]
    assert len({event["meta"]["id"] for event in events}) == len(events)


def entity_pages(made: Repository) -> EntityPages:
    """Return the entity pages of the repository."""
    models = made.wiki.content_models
    return EntityPages(
        domain=made.wiki.domain,
        namespaces=frozenset(models),
        mediainfo_namespaces=frozenset({6}),
        content_models=frozenset(models.values()),
    )


def test_updater_reads_the_change_from_every_event() -> None:
    """It reads kind, entity, revision, parent and time."""
    made = history()
    shape = PageChangeFormat(entity_pages(made))
    for change in made.journal:
        event = build_page_change(change, made.wiki)
        if change.kind == "visibility_change":
            assert shape.filter_reason(event) is not None
            continue
        assert shape.filter_reason(event) is None
        read = shape.read(event, 0)
        assert type(read) is {"delete": PageDeleted, "undelete": PageUndeleted}.get(change.kind, RevisionCreated)
        assert (read.entity, read.revision, read.time) == (change.entity, change.revision.rev_id, change.time)
        if isinstance(read, RevisionCreated):
            assert (read.parent or 0) == change.revision.parent_id


def test_legacy_streams_have_the_same_changes() -> None:
    """The updater reads the same from both, except visibility changes, which have no legacy stream."""
    made = history()
    pages = entity_pages(made)
    shapes: dict[str, EventFormat] = {
        "mediawiki.revision-create": LegacyRevisionCreateFormat(pages),
        "mediawiki.page-delete": LegacyPageDeleteFormat(pages),
        "mediawiki.page-suppress": LegacyPageDeleteFormat(pages),
        "mediawiki.page-undelete": LegacyPageUndeleteFormat(pages),
    }
    streams = Counter[str]()
    for change in made.journal:
        event = build_legacy_event(change, made.wiki)
        assert (event is None) == (change.kind == "visibility_change")
        if event is None:
            continue
        streams[event["meta"]["stream"]] += 1
        read = shapes[event["meta"]["stream"]].read(event, 0)
        new = PageChangeFormat(pages).read(build_page_change(change, made.wiki), 0)
        assert type(read) is type(new)
        assert (read.entity, read.revision, read.time) == (new.entity, new.revision, new.time)
    assert set(streams) == set(shapes)


def test_lists_have_every_change_that_a_wiki_still_shows() -> None:
    """Recent changes lose the edits of a deleted page; the log keeps all entries."""
    made = history()
    present = made.present_pages
    assert present == {page.page_id for page in made.list_pages()}
    recent = list(list_recent_changes(made.journal))
    logged = list(list_log_events(made.journal, present=present))
    assert [row["logid"] for row in logged] == [change.log_id for change in made.journal if change.log_id]
    shown = {row["rcid"] for row in recent}
    last_deleted = {change.page.page_id: change.number for change in made.journal if change.kind == "delete"}
    lost = {change.number for change in made.journal} - shown
    assert lost
    assert all(
        change.number < last_deleted[change.page.page_id] and not change.log_id
        for change in made.journal
        if change.number in lost
    )
    assert all((row["pageid"] == 0) != (row["logpage"] in present) for row in logged)


def test_recent_changes_end_at_their_retention() -> None:
    """Bulk imports are not in recent changes."""
    clock = ManualClock(START)
    made = Repository(clock=clock.now)
    made.save(Item(id="Q1"))
    clock.advance(10.0)
    made.save(Item(id="Q2"), in_recent_changes=False)
    made.save(Item(id="Q3"))
    everything = list(list_recent_changes(made.journal))
    assert [row["title"] for row in everything] == ["Item:Q1", "Item:Q3"]
    recent = list(list_recent_changes(made.journal, since=made.now()))
    assert [row["title"] for row in recent] == ["Item:Q3"]
    assert made.current_revisions.keys() == {"Q1", "Q2", "Q3"}
