"""``python -m wikistate.testing``: write the sample data to files, one JSON document a line.

``events.jsonl`` holds the events in order, ``revisions.jsonl`` all revisions with the text of their slots.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from wikistate.demo import corpus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.demo.corpus import StoredRevision


def write_lines(path: Path, documents: Iterable[dict[str, Any]]) -> int:
    """Write the documents as JSON lines and return their number."""
    count = 0
    with path.open("wb") as file:
        for document in documents:
            file.write(orjson.dumps(document) + b"\n")
            count += 1
    return count


def encode_revision(stored: StoredRevision) -> dict[str, Any]:
    """Return a revision as a JSON document."""
    return {
        "wiki_id": stored.wiki.wiki_id,
        "page_id": stored.page.page_id,
        "title": stored.page.title,
        "deleted": stored.deleted,
        "rev_id": stored.revision.rev_id,
        "sha1": stored.revision.sha1,
        "size": stored.revision.size,
        "slots": {part.role: part._asdict() for part in stored.revision.slots},
    }


def main(arguments: list[str] | None = None) -> None:
    """Write the files and print their number of events and revisions."""
    parser = argparse.ArgumentParser("wikistate.testing", description="Write the sample data to files.")
    parser.add_argument("folder", type=Path, help="folder of the files; it is created if it does not exist")
    parser.add_argument("--seed", type=int, default=corpus.SEED, help="seed of the sample data")
    parser.add_argument("--changes", type=int, default=corpus.CHANGES, help="number of changes")
    parser.add_argument("--version", choices=("1.7.0", "1.11.0"), default="1.7.0", help="schema version of the events")
    chosen = parser.parse_args(arguments)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    made = corpus.compose(seed=chosen.seed, changes=chosen.changes, version=chosen.version)
    events = write_lines(chosen.folder / "events.jsonl", made.events)
    revisions = write_lines(chosen.folder / "revisions.jsonl", map(encode_revision, made.revisions()))
    sys.stdout.write(f"{events} events and {revisions} revisions of {len(made.wikis)} wikis in {chosen.folder}\n")


if __name__ == "__main__":
    main()
