"""``python -m wikistate.testing.wikibase``: a small Wikibase until it is interrupted. Its first line is its URL."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import uvloop

from wikistate.testing.faults import decode_rules
from wikistate.testing.wikibase.edit_simulator import EditSimulator
from wikistate.testing.wikibase.repository import Repository
from wikistate.testing.wikibase.server import FakeWikibase


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser("wikistate.testing.wikibase", description="A small Wikibase.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="the port; 0, the default, takes a free one")
    add("--seed", type=int, default=1, help="what its entities and its edits are made from")
    add("--entities", type=int, default=10, help="how many there are at first, besides a property of each datatype")
    add("--triples", type=int, default=100, help="how large items are at first, about")
    add("--edits-per-second", type=float, default=0.0, help="how busy its editors are; 0, the default, for not at all")
    add("--faults", type=argparse.FileType("rb"), help="a JSON list of fault rules")
    add("--until-input-ends", action="store_true", help="stop when standard input closes")
    return parser.parse_args(words)


async def serve(chosen: argparse.Namespace) -> None:
    """Serve until a signal, or until standard input ends."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    repository = Repository()
    editors = EditSimulator(repository, seed=chosen.seed, triples=chosen.triples)
    editors.create_initial(chosen.entities)
    async with FakeWikibase(repository, port=chosen.port, simulator=editors) as wikibase:
        if chosen.faults is not None:
            wikibase.set_faults(decode_rules(chosen.faults.read()))
        if chosen.until_input_ends:
            loop.add_reader(sys.stdin.fileno(), stop.set)
        sys.stdout.write(f"{wikibase.url}\n")
        sys.stdout.flush()
        at_work = asyncio.create_task(_edit_continuously(editors, chosen.edits_per_second))
        await stop.wait()
        at_work.cancel()


async def _edit_continuously(editors: EditSimulator, per_second: float) -> None:
    while per_second > 0.0:
        editors.apply()
        await asyncio.sleep(1.0 / per_second)


if __name__ == "__main__":
    uvloop.run(serve(parse_arguments()))
