"""Changes that need no wiki: deletions pass through as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.demo import events
from wikistate.demo.pages import Page, Wiki, make_revision

if TYPE_CHECKING:
    from pathlib import Path

ENVELOPE = events.Envelope(Wiki("enwiki", "en.wikipedia.org"))


def write_deletions(file: Path, count: int = 3) -> Path:
    """Write so many to a file, one a line."""
    made = [
        events.build_delete(Page(number, f"Page {number}"), make_revision(number), envelope=ENVELOPE)
        for number in _from(count)
    ]
    file.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in made))
    return file


def _from(count: int) -> range:
    return range(1, count + 1)
