"""Input events for runs without a wiki: deletions, which are not enriched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.demo import events
from wikistate.demo.pages import Page, Wiki, make_revision

if TYPE_CHECKING:
    from pathlib import Path

ENVELOPE = events.Envelope(Wiki("enwiki", "en.wikipedia.org"))


def write_deletions(file: Path, count: int = 3) -> Path:
    """Write deletions to a file, one per line, and return the file."""
    deletions = [
        events.build_delete(Page(number, f"Page {number}"), make_revision(number), envelope=ENVELOPE)
        for number in range(1, count + 1)
    ]
    file.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in deletions))
    return file
