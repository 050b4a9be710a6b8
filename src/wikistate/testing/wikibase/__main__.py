"""``python -m wikistate.testing.wikibase``: serve a fake Wikibase until it is interrupted; print its URL first."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import uvloop

from wikistate.testing.faults import decode_rules
from wikistate.testing.wiki.accounts import Accounts
from wikistate.testing.wikibase.edit_simulator import EditSimulator
from wikistate.testing.wikibase.layout import make_wikibase_wiki
from wikistate.testing.wikibase.repository import Repository
from wikistate.testing.wikibase.server import FakeWikibase


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser("wikistate.testing.wikibase", description="Fake Wikibase.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="port; the default 0 takes a free port")
    add("--seed", type=int, default=1, help="seed of the entities and the edits")
    add("--entities", type=int, default=10, help="number of initial entities, besides a property of each datatype")
    add("--triples", type=int, default=100, help="approximate initial number of triples of an item")
    add("--edits-per-second", type=float, default=0.0, help="simulated edits a second; the default 0 means none")
    add("--article-path", default="/wiki/$1", help="path of a page, with $1 for its title, such as /index.php/$1")
    add("--language", choices=("en", "de", "fr"), default="en", help="content language, which names special pages")
    add("--concept-base", default="http://wikibase.example", help="prefix of the IRIs of entities")
    add("--local-data-nodes", action="store_true", help="name documents after this server, not after the concept base")
    add(
        "--private",
        type=Accounts.parse,
        metavar="NAME:PASSWORD",
        help="show nothing without a login with this password",
    )
    add("--faults", type=argparse.FileType("rb"), help="file with a JSON list of fault rules")
    add("--until-input-ends", action="store_true", help="stop when standard input closes")
    return parser.parse_args(arguments)


async def serve(chosen: argparse.Namespace) -> None:
    """Serve until a signal or the end of standard input."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    wiki = make_wikibase_wiki(
        concept_base=chosen.concept_base, article_path=chosen.article_path, language=chosen.language
    )
    repository = Repository(wiki)
    simulator = EditSimulator(repository, seed=chosen.seed, triples=chosen.triples)
    simulator.create_initial(chosen.entities)
    async with FakeWikibase(
        repository, port=chosen.port, simulator=simulator, has_local_data_nodes=chosen.local_data_nodes
    ) as wikibase:
        wikibase.accounts = chosen.private
        if chosen.faults is not None:
            wikibase.set_faults(decode_rules(chosen.faults.read()))
        if chosen.until_input_ends:
            loop.add_reader(sys.stdin.fileno(), stop.set)
        sys.stdout.write(f"{wikibase.url}\n")
        sys.stdout.flush()
        editing = asyncio.create_task(_edit_continuously(simulator, chosen.edits_per_second))
        await stop.wait()
        editing.cancel()


async def _edit_continuously(simulator: EditSimulator, per_second: float) -> None:
    while per_second > 0.0:
        simulator.apply()
        await asyncio.sleep(1.0 / per_second)


if __name__ == "__main__":
    uvloop.run(serve(parse_arguments()))
