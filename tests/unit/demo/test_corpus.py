"""The sample corpus is deterministic, valid and consistent, and has every kind of event and content."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft7Validator

from wikistate.demo import corpus, wikitext
from wikistate.demo.pages import compute_sha1, encode_base36
from wikistate.testing.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.demo.corpus import Corpus
    from wikistate.demo.events import Event, SchemaVersion


@cache
def sample(version: SchemaVersion = "1.7.0") -> Corpus:
    """Return the corpus that the demonstration uses."""
    return corpus.compose(version=version)


def real(made: Corpus) -> list[Event]:
    """Return the events without canary events."""
    return [event for event in made.events if event["meta"]["domain"] != "canary"]


@pytest.mark.parametrize("version", ["1.7.0", "1.11.0"])
def test_every_event_follows_the_bundled_schema(version: SchemaVersion) -> None:
    """All events of the corpus are valid, including canary events."""
    path = resources.files("wikistate.core.events.bundled") / f"jsonschema/mediawiki/page/change/{version}.yaml"
    validator = Draft7Validator(yaml.safe_load(path.read_text()), validate_formats=True)
    for event in sample(version).events:
        validator.validate(event)


def test_same_seed_gives_the_same_bytes_and_another_seed_gives_others() -> None:
    """The corpus does not depend on the clock, the machine or the order of sets."""

    def encoded(seed: int) -> bytes:
        made = corpus.compose(seed=seed, changes=300)
        texts = [part.text for stored in made.revisions() for part in stored.revision.slots]
        return orjson.dumps([made.events, texts])

    assert encoded(1) == encoded(1)
    assert encoded(1) != encoded(2)


def test_corpus_has_every_kind_of_event_and_every_wiki() -> None:
    """It has six kinds, thirteen wikis, suppressions, and undeletions with another page id."""
    events = real(sample())
    assert len(events) == corpus.CHANGES
    kinds = Counter(event["page_change_kind"] for event in events)
    assert set(kinds) == {"create", "edit", "move", "delete", "undelete", "visibility_change"}
    assert min(kinds.values()) >= 30
    assert len({event["wiki_id"] for event in events}) == 13
    assert any("content_slots" not in event["revision"] for event in events)
    assert any(event["page_change_kind"] == "undelete" and "prior_state" in event for event in events)
    assert any("created_redirect_page" in event for event in events)
    assert any("revert" in event["revision"] for event in events)
    assert any("rev_parent_id" not in event["revision"] for event in events)
    assert any(event["page"].get("redirect_page_link", {}).get("namespace_id") == -1 for event in events)


def test_one_event_of_a_fixed_number_is_a_canary_event() -> None:
    """Canary events are part of the stream, as in a real one."""
    made = sample()
    assert len(made.events) - len(real(made)) == corpus.CHANGES // corpus.CANARY_EVERY


def test_events_are_in_order_and_their_ids_are_unique() -> None:
    """The event times never decrease."""
    events = real(sample())
    assert len({event["meta"]["id"] for event in events}) == len(events)
    times = [event["dt"] for event in events]
    assert times == sorted(times)


def test_sums_and_sizes_in_events_are_those_of_the_content() -> None:
    """A client that fetches a revision can check it against its event."""
    made = sample()
    texts = {
        (stored.wiki.wiki_id, stored.revision.rev_id): {part.role: part.text for part in stored.revision.slots}
        for stored in made.revisions()
    }
    checked = 0
    for event in real(made):
        for role, entity in event["revision"].get("content_slots", {}).items():
            text = texts[event["wiki_id"], event["revision"]["rev_id"]][role]
            assert entity["content_size"] == len(text.encode())
            assert entity["content_sha1"] == encode_base36(compute_sha1(text))
            checked += 1
    assert checked > corpus.CHANGES * 0.9


def test_prior_state_of_an_edit_is_its_parent_revision() -> None:
    """An edit with a prior state names the same revision as its parent."""
    for event in real(sample()):
        if event["page_change_kind"] == "edit" and "prior_state" in event:
            assert event["prior_state"]["revision"]["rev_id"] == event["revision"]["rev_parent_id"]


def test_content_has_many_models_and_every_script() -> None:
    """There are items, captions, Lua, CSS, JSON, an empty page, emoji, direction marks, astral characters, and no NUL."""
    parts = [part for stored in sample().revisions() for part in stored.revision.slots]
    models = {part.model for part in parts}
    assert models == {"wikitext", "wikibase-item", "wikibase-mediainfo", "Scribunto", "css", "json"}
    everything = "".join(part.text for part in parts)
    assert all(sign in everything for sign in "é„ёةשन霧溪ไΆ👩\u200d\u200f\u0302\U0001d518")
    assert "\0" not in everything
    assert min(part.size for part in parts) == 0
    assert 20_000 < max(part.size for part in parts) < 40_000


def test_unedited_slot_has_the_revision_that_first_saved_it() -> None:
    """Each slot of an edit of a file is new or has an older revision as its origin."""
    edits = [event for event in real(sample()) if len(event["revision"].get("content_slots", {})) == 2]
    origins = Counter(
        entity["origin_rev_id"] == event["revision"]["rev_id"]
        for event in edits
        for entity in event["revision"]["content_slots"].values()
    )
    assert origins[True] > 10
    assert origins[False] > 10


@settings(deadline=None)
@given(st.integers(1, 40_000), st.integers(0, 5))
def test_filler_has_exactly_the_requested_size(size: int, seed: int) -> None:
    """The size is exact although the end may be within a sentence or a character of several bytes."""
    assert len(wikitext.make_filler(size, seed=seed).encode()) == size


def test_corpus_can_be_written_to_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file has one document a line, and the events are those of `compose`."""
    main([str(tmp_path / "out"), "--changes", "50", "--seed", "3"])
    lines = (tmp_path / "out/events.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == corpus.compose(seed=3, changes=50).events
    assert (tmp_path / "out/revisions.jsonl").stat().st_size > 100_000
    assert capsys.readouterr().out.startswith("50 events and ")
