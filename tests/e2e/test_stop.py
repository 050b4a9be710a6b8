"""A stop is heard at any moment: each command ends soon while a server accepts its connection and says nothing.

The commands are read from the command line itself, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.e2e.commands import TIMEOUT, start_command
from tests.e2e.enrichment_job import build_change, build_dataset, encode_line, read_lines, wiki_settings
from tests.e2e.flink_commands import name_environment, write_environments
from tests.support.processes import find_free_port
from typer.main import get_command

from wikistate.cli.app import app
from wikistate.testing.faults import Hang, MuteServer, Rule
from wikistate.testing.wiki.server import FakeWiki
from wikistate.testing.wikibase import FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click

BOUND = 15.0
"""Seconds within which a command ends; two are usual. Each wait for the server would take a minute or more."""


class MuteCase(NamedTuple):
    """Command with a mute server.

    Attributes:
        command: Name of the command.
        words: Arguments; ``MUTE`` stands for the host and port of the server, ``WIKI`` for the URL of a Wikibase.
        status: Exit code after a stop.
    """

    command: str
    words: str
    status: int

    def __str__(self) -> str:
        return f"{self.command} {self.words}"[:70].replace("/", ":")


SCHEMAS = "--set stream_manager.schema_uris=['http://MUTE/schemas']"
TO_FILE = "--sink file:out.ndjson --state state"
SYNC = "rdf-sync --wikibase WIKI"
CASES = (
    # At the start of a job: a stream, a wiki, a broker, a store, a schema repository.
    MuteCase("run", f"page-content-change --source eventstreams:s?base=http://MUTE/ {TO_FILE}", 0),
    MuteCase("run", f"page-content-change --source recentchanges:http://MUTE/api.php {TO_FILE}", 0),
    MuteCase("run", f"page-content-change --source kafka://MUTE/in {TO_FILE}", 0),
    MuteCase("run", f"page-content-change --source in.ndjson --sink kafka://MUTE/out --error-sink file:e {SCHEMAS}", 0),
    MuteCase("run", "page-content-change --source in.ndjson --sink kafka://MUTE/out", 0),
    MuteCase("run", "page-content-change --create-topics --source kafka://MUTE/in --sink file:out.ndjson", 0),
    MuteCase("run", "page-content-change --check --source kafka://MUTE/in --sink file:out.ndjson", 130),
    MuteCase("run", "content-history-reconcile --source kafka://MUTE/in --sink file:out.ndjson", 0),
    MuteCase(
        "run",
        "rdf-updater --source eventstreams:s?base=http://MUTE/ --state state "
        "--set rdf.hostname=w.example --set rdf.concept_base=http://w.example --set rdf.entity_namespaces=[120]",
        0,
    ),
    MuteCase(
        "run", "rdf-consumer --source eventstreams:s?base=http://MUTE/&since=2026-01-01T00:00:00Z --store store", 0
    ),
    MuteCase("run", "rdf-consumer --source in.ndjson --store http://MUTE/sparql", 0),
    MuteCase("run", "rdf-sync --wikibase http://MUTE/ --store store", 0),
    MuteCase("run", f"{SYNC} --store http://MUTE/sparql --state state", 0),
    # With events in flight.
    MuteCase(
        "run",
        "page-content-change --source in.ndjson --sink file:out.ndjson --wiki en.wikipedia.org=http://MUTE/w/api.php",
        0,
    ),
    # Other commands.
    MuteCase("replay", "--from kafka://MUTE/errors --to page-content-change --sink file:out.ndjson", 130),
    MuteCase("lag", "--store http://MUTE/sparql", 130),
    MuteCase("store counts", "--store http://MUTE/sparql", 130),
    MuteCase("store query", "ASK{?s?p?o} --store http://MUTE/sparql", 130),
    MuteCase("store sweep", "--store http://MUTE/sparql", 130),
    MuteCase("store verify", "--wikibase http://MUTE/ --store store", 130),
    MuteCase("store verify", "--wikibase WIKI --store http://MUTE/sparql", 130),
    *(
        MuteCase(command, "", 130)
        for command in (
            *(f"flink JOB {name}" for name in ("deploy", "redeploy", "save", "stop", "recover", "status")),
            *(f"flink-job {name}" for name in ("deploy", "redeploy", "save", "stop")),
            "flink list",
        )
    ),
)
WITHOUT_SERVER = frozenset(
    {"config check", "config show", "config schema", "version", "demo", "rdf-bootstrap", "flink jars", "flink JOB list"}
)
"""Commands that wait for no server, or have a server of their own that answers."""


def command_names(group: click.Command | None = None, prefix: str = "") -> Iterator[str]:
    """Yield the names of all commands."""
    for name, command in getattr(group or get_command(app), "commands", {}).items():
        if hasattr(command, "commands"):
            yield from command_names(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_each_command_has_a_case() -> None:
    """A new command must state how it stops."""
    assert {case.command for case in CASES} | WITHOUT_SERVER == set(command_names())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_command_that_waits_for_a_mute_server_ends_soon(
    case: MuteCase, number: signal.Signals, tmp_path: Path
) -> None:
    """The exit code is the documented one, without a traceback and without a wrong hint."""
    (tmp_path / "in.ndjson").write_bytes(encode_line(build_change(1)))
    async with MuteServer() as mute, FakeWikibase(Repository()) as wikibase:
        write_environments(tmp_path, f"http://{mute.address}")
        words = [word.replace("MUTE", mute.address).replace("WIKI", wikibase.url) for word in case.words.split()]
        async with start_command(*name_environment(case.command), *words, folder=tmp_path) as command:
            connected = asyncio.ensure_future(mute.wait_for_connection())
            ended = asyncio.ensure_future(command.wait_until_ended())
            await asyncio.wait({connected, ended}, timeout=TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
            assert connected.done(), command.err
            ended.cancel()
            stopped_at = time.monotonic()
            command.send(number)
            finished = await command.finish()
            seconds = time.monotonic() - stopped_at
    assert finished.status == case.status, finished.err
    assert seconds < BOUND
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_bootstrap_from_a_mute_pipe_ends_soon(number: signal.Signals, tmp_path: Path) -> None:
    """A list may be a pipe to which nothing is written."""
    os.mkfifo(tmp_path / "list.csv")
    async with start_command("rdf-bootstrap", "list.csv", "--state", "state", folder=tmp_path) as command:
        writer = await asyncio.to_thread(os.open, tmp_path / "list.csv", os.O_WRONLY)
        command.send(number)
        finished = await command.finish()
        os.close(writer)
    assert finished.status == 130, finished.err
    assert "Traceback" not in finished.err


async def test_wiki_that_answers_is_waited_for(tmp_path: Path) -> None:
    """A stop waits for a wiki that is only slow: the default applies to servers that do not answer."""
    (tmp_path / "in.ndjson").write_bytes(b"".join(encode_line(build_change(number)) + b"\n" for number in (1, 2)))
    async with FakeWiki(build_dataset(1, 2)) as wiki:
        wiki.set_faults([Rule(Hang(), revisions=frozenset({2}))])
        settings = ("--set", "enrich.batch_size=1", "--set", "farms.own.concurrency=1")
        words = ("run", "page-content-change", "--source", "in.ndjson", "--sink", "file:out.ndjson")
        async with start_command(*words, *wiki_settings(wiki), *settings, folder=tmp_path) as command:
            async with asyncio.timeout(TIMEOUT):
                while not read_lines(tmp_path / "out.ndjson"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)  # another process writes it
                await wiki.wait_for_in_flight(1)
            command.send(signal.SIGTERM)
            await command.wait_for_log("stop_requested")
            await asyncio.sleep(3.0)  # twice the time after which a server that never answered is given up
            assert command.is_running
            command.send(signal.SIGTERM)
            assert (await command.finish()).status == 130


DEAD_CASES = (
    (f"{SYNC} --store http://DEAD/sparql --state state", "store_unavailable"),
    ("rdf-consumer --source in.ndjson --store http://DEAD/sparql", "store_unavailable"),
)
"""Jobs that wait for a store at their start, and the log event of the wait."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize(("words", "event"), DEAD_CASES, ids=["rdf-sync", "rdf-consumer"])
async def test_first_signal_ends_the_wait_for_a_dead_endpoint(
    words: str, event: str, number: signal.Signals, tmp_path: Path
) -> None:
    """Nothing is in flight at the start, so that one signal is enough."""
    (tmp_path / "in.ndjson").write_bytes(encode_line(build_change(1)))
    async with FakeWikibase(Repository()) as wikibase:
        dead = f"127.0.0.1:{find_free_port()}"
        arguments = [word.replace("DEAD", dead).replace("WIKI", wikibase.url) for word in words.split()]
        async with start_command("run", *arguments, folder=tmp_path) as command:
            await command.wait_for_log(event)
            stopped_at = time.monotonic()
            command.send(number)
            finished = await command.finish()
            seconds = time.monotonic() - stopped_at
    assert finished.status == 0, finished.err
    assert seconds < BOUND
    assert "Traceback" not in finished.err
