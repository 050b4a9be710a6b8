"""A plain implementation of a store update with rdflib: a batch of messages becomes the text of one update.

rdflib parses each snippet of Turtle, and two sets hold the triples as text. Later messages win: an insertion cancels a
pending deletion, and a deletion cancels a pending insertion. Triples of shared nodes are inserted and never deleted.
Patterns at the end of the batch delete whole entities.

It runs in a separate environment with rdflib and without wikistate.

    python rdflib_batches.py messages.ndjson    prints seconds of CPU, messages, and triples of the batch
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from rdflib import Graph  # type: ignore[import-not-found]  # installed in the environment of this peer

ENTITY = "<http://www.wikidata.org/entity/{}>"


class Batch:
    """Batch of triples to insert and delete, and of entities to delete."""

    def __init__(self) -> None:
        self.insert: set[str] = set()
        self.delete: set[str] = set()
        self.deleted_entities: set[str] = set()

    def add(self, event: dict[str, object]) -> None:
        """Add a message."""
        if event["operation"] == "delete":
            self.deleted_entities.add(ENTITY.format(event["entity_id"]))
        for triple in triples(event, "rdf_deleted_data"):
            self.insert.discard(triple)
            self.delete.add(triple)
        for field in ("rdf_added_data", "rdf_linked_shared_data"):
            for triple in triples(event, field):
                self.delete.discard(triple)
                self.insert.add(triple)

    def update(self) -> str:
        """Return the update request."""
        cleared = [f"DELETE WHERE {{ {entity} ?p ?o }}" for entity in sorted(self.deleted_entities)]
        changed = f"DELETE {{\n{lines(self.delete)}}} INSERT {{\n{lines(self.insert)}}} WHERE {{ }}"
        return " ;\n".join([changed, *cleared])


def triples(event: dict[str, object], field: str) -> list[str]:
    """Return the triples of a field as text."""
    found = event.get(field)
    if not isinstance(found, dict):
        return []
    graph = Graph()
    graph.parse(data=found["data"], format="turtle")
    return [f"{s.n3()} {p.n3()} {o.n3()} ." for s, p, o in graph]


def lines(found: set[str]) -> str:
    """Return one triple a line, in order."""
    return "".join(f"{triple}\n" for triple in sorted(found))


def main(path: Path) -> None:
    """Make one batch of a file and print its time."""
    messages = path.read_bytes().splitlines()
    began = time.process_time()
    batch = Batch()
    for message in messages:
        batch.add(json.loads(message))
    text = batch.update()
    seconds = time.process_time() - began
    print(json.dumps({"seconds": seconds, "messages": len(messages), "characters": len(text)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
