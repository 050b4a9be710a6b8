"""Every job and command against a hostile wiki, stream and store, with the credentials of three other servers.

Each server records what it receives: no secret arrives at a server that it was not given for, and no server is contacted
that was not named. No secret is in an output, a log or a file. Each command ends with a documented exit code, within its
bound of memory, and a stop is heard.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.e2e.commands import TIMEOUT
from tests.e2e.flink_commands import is_flink_command, name_environment, write_environments
from tests.e2e.hostile_world import (
    DOMAIN,
    PAGE_CHANGES,
    RECONCILES,
    environment,
    find_secrets,
    serve_world,
    write_failures,
)
from tests.e2e.test_stop import WITHOUT_SERVER, command_names
from tests.support.guarded_commands import start_guarded
from tests.support.hostile_answers import BEHAVIOURS, OTHER_DOMAIN, be_honest
from tests.support.mutation_generator import STREAM as MUTATIONS

from wikistate.cli.exits import Exit
from wikistate.wiring.registry import JOBS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.hostile_world import HostileWorld
    from tests.support.guarded_commands import EndedCommand, GuardedCommand
    from tests.support.hostile_answers import Behaviour

AT_ONCE = 6
"""Commands that run at the same time: most of them wait."""

CALM_LOOKS, MOST_LOOKS = 15, 80
"""Number of looks after which a command has seen enough: at one that only waits, and at any that has sent a request."""

DOCUMENTED = frozenset(Exit) - {Exit.INTERNAL}
ESCAPES = (b"\x1b", b"\x07", "\x9b".encode())

_STREAM = "--source eventstreams:{name}?base={hostile}/v2/stream/&since=1970-01-01T00:00:00Z"
_FILES = "--sink file:out.ndjson --state state"
_HOSTILE_STORE = "--store {hostile}/update --set store.query_url={hostile}/query"
_OTHER_STORE = "--store {store}/update --set store.query_url={store}/query"
_UPDATER = f"--set rdf.hostname={DOMAIN} --set rdf.entity_namespaces=[120,122,146]"
_SCHEMAS = (
    "--set stream_manager.schema_uris=['{hostile}/schemas'] --set stream_manager.stream_config_uri={hostile}/w/api.php"
)


class HostileCase(NamedTuple):
    """A command with hostile servers.

    Attributes:
        command: Name of the command, with the name of the job.
        words: Arguments; a name in braces stands for the origin of a server.
        named: The servers that the arguments name.
        configured: Whether the hostile wiki is in the configuration file.
    """

    command: str
    words: str
    named: tuple[str, ...] = ("hostile",)
    configured: bool = True

    def __str__(self) -> str:
        return f"{self.command} {self.words}".replace("/", ":")[:90]


def _read(name: str) -> str:
    return _STREAM.replace("{name}", name)


CASES = (
    HostileCase("run page-content-change", f"{_read(PAGE_CHANGES)} {_FILES}"),
    HostileCase("run page-content-change", f"--source recentchanges:{{hostile}}/w/api.php {_FILES}"),
    HostileCase("run page-content-change", f"--source recentchanges:{{hostile}}/w/api.php {_FILES}", configured=False),
    HostileCase("run page-content-change", f"--check {_read(PAGE_CHANGES)} {_FILES} {_SCHEMAS}"),
    HostileCase(
        "run page-content-change", f"--source kafka://{{broker:address}}/in {_FILES} {_SCHEMAS}", ("hostile", "broker")
    ),
    HostileCase("run content-history-reconcile", f"{_read(RECONCILES)} {_FILES}"),
    HostileCase("run custom", f"--enrich enrichment:ask {_read(PAGE_CHANGES)} {_FILES}"),
    HostileCase(
        "run rdf-updater",
        f"{_read(PAGE_CHANGES)} {_FILES} {_UPDATER} --set rdf.entity_data={{hostile}}/wiki/Special:EntityData/",
    ),
    HostileCase("run rdf-consumer", f"{_read(MUTATIONS)} --error-sink file:errors.ndjson {_HOSTILE_STORE}"),
    HostileCase(
        "run rdf-consumer", f"{_read(MUTATIONS)} --error-sink file:errors.ndjson {_OTHER_STORE}", ("hostile", "store")
    ),
    HostileCase("run rdf-sync", f"--wikibase {{hostile}} --state state {_OTHER_STORE}", ("hostile", "store")),
    HostileCase("run rdf-sync", f"--wikibase {{hostile}}/w/api.php --state state {_HOSTILE_STORE}"),
    HostileCase("run rdf-sync", "--wikibase {hostile} --store store", configured=False),
    HostileCase("store verify", f"--wikibase {{hostile}} --sample 5 --wait 0 {_OTHER_STORE}", ("hostile", "store")),
    HostileCase("store verify", f"--wikibase {{hostile}}/w/api.php --sample 5 --wait 0 {_HOSTILE_STORE}"),
    HostileCase("store counts", _HOSTILE_STORE),
    HostileCase("store sweep", _HOSTILE_STORE),
    HostileCase("lag", _HOSTILE_STORE),
    HostileCase("store query", f"ASK{{?s?p?o}} {_HOSTILE_STORE}"),
    *(HostileCase(f"flink JOB {name}", "") for name in ("deploy", "redeploy", "save", "stop", "recover", "status")),
    *(HostileCase(f"flink-job {name}", "") for name in ("deploy", "redeploy", "save", "stop")),
    HostileCase("flink list", ""),
    HostileCase("replay", f"--from file:failed.ndjson --to page-content-change {_FILES.partition(' --state')[0]}"),
)
ENRICHMENT = """
async def ask(event, context):
    wiki = context.wiki(event["meta"]["domain"])
    await wiki.revision(event["revision"]["rev_id"])
    await wiki.ask(prop="info", titles=event["page"]["page_title"])
    return event
"""


def test_each_job_and_command_has_a_case() -> None:
    """A new job or command must meet the hostile servers."""
    commands = {case.command for case in CASES}
    jobs = {f"run {job.name}" for job in JOBS}
    others = set(command_names()) - WITHOUT_SERVER - {"run"}
    assert commands == jobs | others


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_no_secret_and_no_request_goes_where_it_was_not_meant_for(case: HostileCase, tmp_path: Path) -> None:
    """The answers of the hostile server change nothing about it."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(behaviour: Behaviour) -> list[str]:
        async with slots:
            folder = tmp_path / behaviour.__name__
            return [f"{behaviour.__name__}: {each}" for each in await _find_faults(case, behaviour, folder)]

    found = [fault for faults in await asyncio.gather(*map(run, BEHAVIOURS)) for fault in faults]
    assert not found, "\n".join(found)


async def test_credentials_arrive_where_they_were_given_for(tmp_path: Path) -> None:
    """The recording servers would see a secret, and the list of connections would name another server."""
    case = HostileCase("run rdf-sync", f"--wikibase {{hostile}} --state state {_OTHER_STORE} --set store.adopt=true")
    folder = _prepare_folder(tmp_path / "run")
    async with serve_world(be_honest) as world:
        ended = await _run_command(case, world, folder, password_of="store")
        assert ended.status == 0, ended.err
        assert {world.servers[name].address for name in ("hostile", "store")} == ended.connections
        assert set(find_secrets(world.servers["hostile"].record)) == {"hostile"}
        assert set(find_secrets(world.servers["store"].record)) == {"store"}
        assert world.find_strays(case.named, ended.connections) == [
            "a connection to store",
            f"a connection to {world.servers['store'].address}",
        ]


async def _find_faults(case: HostileCase, behaviour: Behaviour, folder: Path) -> list[str]:
    """Run a command and return what is wrong."""
    _prepare_folder(folder)
    async with serve_world(behaviour, private=case.configured) as world:
        try:
            ended = await _run_command(case, world, folder)
        except TimeoutError:
            return [f"SIGTERM was not heard within {TIMEOUT:g} s"]
        return [*world.find_strays(case.named, ended.connections), *_check_outputs(ended, folder)]


def _prepare_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / "enrichment.py").write_text(ENRICHMENT)
    write_failures(folder / "failed.ndjson")
    return folder


async def _run_command(case: HostileCase, world: HostileWorld, folder: Path, *, password_of: str = "") -> EndedCommand:
    """Run a command until it ends or has seen enough, then terminate it. Raises `TimeoutError`."""
    file = folder.with_name(f"{folder.name}.yaml")
    file.write_text(world.write_configuration(lists_hostile=case.configured))
    write_environments(folder, world.fill_in("{hostile}")[0])
    secrets = environment(password_of or ("store" if "store" in case.named else "hostile"))
    command = await start_guarded(
        *name_environment(case.command),
        *world.fill_in(case.words if is_flink_command(case.command) else f"{case.words} --config {file}"),
        folder=folder,
        environment={**secrets, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "home")},
    )
    await _wait_until_calm(world, command)
    try:
        command.send(signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT):
            return await command.wait()
    finally:
        command.send(signal.SIGKILL)


async def _wait_until_calm(world: HostileWorld, command: GuardedCommand) -> None:
    """Return when the command has ended, or has only waited for some time, or has worked for long."""
    looks = calm_looks = 0
    seen = (0, "")
    while command.is_running and calm_looks < CALM_LOOKS and looks < MOST_LOOKS:
        # Looks are counted and not seconds: between two looks, this process answers all requests that it has.
        await asyncio.sleep(0.03)
        now = (world.hostile.requests, command.read_activity())
        calm_looks = calm_looks + 1 if now == seen and now[1] != "R" and not world.hostile.answering else 0
        looks += bool(now[0])
        seen = now


def _check_outputs(ended: EndedCommand, folder: Path) -> Iterator[str]:
    """Yield what is wrong with the exit code, the outputs and the files of a command."""
    outputs = {"standard output": ended.out, "standard error": ended.err}
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if ended.status not in DOCUMENTED:
        yield f"exit code {ended.status}"
    if b"Traceback" in ended.err:
        yield f"a traceback: {ended.err.decode(errors='replace')[-1500:]}"
    for name, content in outputs.items():
        for escape in ESCAPES:
            if escape in content:
                yield f"{escape!r} in {name}"
        if any(line.startswith(b'{"log.level":"error","message":"forged"') for line in content.splitlines()):
            yield f"a forged line in {name}"
    for name, content in (outputs | files).items():
        for server in find_secrets(content):
            yield f"the secret of {server} in {name}"
        if name.endswith("out.ndjson") and f'"domain":"{OTHER_DOMAIN}"'.encode() in content:
            yield f"an event under the domain of the other wiki in {name}"
