"""Munging and comparison of two documents of each entity in a separate process, as in `bench.peers.rdflib_munge`.

python -m bench.munging FOLDER ENTITY_ID...
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.uris import Uris
from wikistate.runners.process_tuning import gc_tuned

URIS = Uris.for_wikibase("http://www.wikidata.org")


def main() -> None:
    """Write JSON: seconds of CPU, and the number of triples that each patch adds, removes, links and unlinks."""
    folder, entity_ids = Path(sys.argv[1]), sys.argv[2:]
    pairs = [[(folder / f"{each}.{when}.ttl").read_bytes() for when in ("before", "after")] for each in entity_ids]
    counts = []
    with gc_tuned():  # as in a run of the job
        began = time.process_time()
        for entity_id, pair in zip(entity_ids, pairs, strict=True):
            before, after = (munge(parse_triples(body, base=URIS.entity_data), entity_id, URIS) for body in pair)
            counts.append([len(part) for part in diff(before, after, URIS)])
        seconds = time.process_time() - began
    print(json.dumps({"seconds": seconds, "counts": counts}))


if __name__ == "__main__":
    main()
