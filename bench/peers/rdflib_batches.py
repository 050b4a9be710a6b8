"""A plain reading of how a store is kept in step with rdflib today: a batch of messages becomes one text of an update.

Each snippet of Turtle is parsed by rdflib, and its triples are kept as text in two sets. What comes later wins: an
insertion cancels a deletion that waits, and the other way round. Triples of shared nodes are inserted and never deleted,
and an entity goes by patterns at the end of the batch.

Runs in an environment of its own, which has rdflib and nothing of ours.

    python rdflib_batches.py messages.ndjson    prints seconds of CPU, messages, and triples of the batch
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from rdflib import Graph  # type: ignore[import-not-found]  # installed in this peer's own environment

ENTITY = "<http://www.wikidata.org/entity/{}>"


class Batch:
    """What is to be inserted, deleted, and cleared."""

    def __init__(self) -> None:
        self.insert: set[str] = set()
        self.delete: set[str] = set()
        self.gone: set[str] = set()

    def add(self, event: dict[str, object]) -> None:
        """Take a message."""
        if event["operation"] == "delete":
            self.gone.add(ENTITY.format(event["entity_id"]))
        for triple in triples(event, "rdf_deleted_data"):
            self.insert.discard(triple)
            self.delete.add(triple)
        for field in ("rdf_added_data", "rdf_linked_shared_data"):
            for triple in triples(event, field):
                self.delete.discard(triple)
                self.insert.add(triple)

    def update(self) -> str:
        """The request."""
        cleared = [f"DELETE WHERE {{ {entity} ?p ?o }}" for entity in sorted(self.gone)]
        changed = f"DELETE {{\n{lines(self.delete)}}} INSERT {{\n{lines(self.insert)}}} WHERE {{ }}"
        return " ;\n".join([changed, *cleared])


def triples(event: dict[str, object], field: str) -> list[str]:
    """The triples of a field, as text."""
    found = event.get(field)
    if not isinstance(found, dict):
        return []
    graph = Graph()
    graph.parse(data=found["data"], format="turtle")
    return [f"{s.n3()} {p.n3()} {o.n3()} ." for s, p, o in graph]


def lines(found: set[str]) -> str:
    """One triple a line, in order."""
    return "".join(f"{triple}\n" for triple in sorted(found))


def main(path: Path) -> None:
    """Make one batch of a file and print how long that took."""
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
