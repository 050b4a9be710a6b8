"""``python -m wikistate.testing.wiki``: serve a fake wiki until it is interrupted. The first output line is its URL.

With ``--while COMMAND`` it serves while the command runs, and exits with the exit status of the command.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
import sys

import uvloop

from wikistate.demo import corpus
from wikistate.testing.faults import decode_rules
from wikistate.testing.wiki.accounts import Accounts
from wikistate.testing.wiki.datasets import Dataset, MemoryDataset, SyntheticDataset
from wikistate.testing.wiki.query import Limits
from wikistate.testing.wiki.server import FakeWiki


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser("wikistate.testing.wiki", description="Fake wiki with the Action API.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="port; the default 0 takes a free port")
    add("--seed", type=int, default=corpus.SEED, help="seed of the sample data")
    add("--changes", type=int, default=corpus.CHANGES, help="number of changes in the sample data")
    add("--with-deleted", action="store_true", help="serve revisions of deleted pages, too")
    add("--bench", action="store_true", help="serve synthetic data where every revision exists, instead of the sample")
    add("--body-bytes", type=int, default=10_240, help="size of each body with --bench")
    add("--redirects-every", type=int, default=0, metavar="N", help="with --bench: every Nth page is a redirect")
    add(
        "--max-values",
        type=int,
        default=50,
        help="maximum of revisions in a request; 500 for accounts with high limits",
    )
    add("--max-result-bytes", type=int, default=8_388_608, help="maximum size of a result before it is continued")
    add(
        "--private",
        type=Accounts.parse,
        metavar="NAME:PASSWORD",
        help="show nothing without a login with this password",
    )
    add("--faults", type=argparse.FileType("rb"), help="file with a JSON list of fault rules")
    add("--while", dest="command", default="", help="serve while this command runs; {url} in it is the wiki's address")
    add("--until-input-ends", action="store_true", help="stop when standard input closes")
    return parser.parse_args(arguments)


def build_dataset(chosen: argparse.Namespace) -> Dataset:
    """Return the dataset for the arguments."""
    if chosen.bench:
        return SyntheticDataset(
            *corpus.load_wikis().values(), body_bytes=chosen.body_bytes, redirects_every=chosen.redirects_every
        )
    made = corpus.compose(seed=chosen.seed, changes=chosen.changes)
    return MemoryDataset.from_corpus(made, with_deleted=chosen.with_deleted)


async def serve(chosen: argparse.Namespace) -> int:
    """Serve until a signal, the end of standard input or the end of the command, and return the exit status."""
    limits = Limits(values=chosen.max_values, result_bytes=chosen.max_result_bytes)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with FakeWiki(
        build_dataset(chosen), port=chosen.port, limits=limits, count_each_revision=not chosen.bench
    ) as wiki:
        wiki.accounts = chosen.private
        if chosen.faults is not None:
            wiki.set_faults(decode_rules(chosen.faults.read()))
        if chosen.until_input_ends:
            loop.add_reader(sys.stdin.fileno(), stop.set)
        if chosen.command:
            return await run_command(shlex.split(chosen.command.replace("{url}", wiki.url)), stop)
        sys.stdout.write(f"{wiki.url}\n")
        sys.stdout.flush()
        await stop.wait()
    return 0


async def run_command(arguments: list[str], stop: asyncio.Event) -> int:
    """Run a command until it or the wiki ends, and return its exit status."""
    process = await asyncio.create_subprocess_exec(*arguments)
    ended, stopped = asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        process.terminate()
    stopped.cancel()
    return await ended


if __name__ == "__main__":
    sys.exit(uvloop.run(serve(parse_arguments())))
