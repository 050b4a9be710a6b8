"""A hostile server, and three other servers whose credentials the settings hold; each records all that it receives."""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import orjson
from aiohttp import web
from pyoxigraph import Store
from tests.e2e.sync_run import munge_all
from tests.support.hostile_answers import MARKUP, OTHER_DOMAIN, Targets
from tests.support.hostile_server import HostileServer
from tests.support.mutation_generator import STREAM as MUTATIONS
from tests.support.mutation_generator import MutationGenerator
from tests.support.oxigraph_server import build_application
from tests.support.recording_proxy import RecordingProxy

from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.messages import encode_mutation
from wikistate.testing.wiki.accounts import Accounts
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository, build_page_change, make_wikibase_wiki

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.support.hostile_answers import Behaviour

    from wikistate.core.events.meta import Event

DOMAIN = "wikibase.example"
"""Domain of the hostile wiki in the settings and in its own events."""

PAGE_CHANGES, RECONCILES = "mediawiki.page_change.v1", "mediawiki.content_history_reconcile.v1"
BOT, STORE_USER, BROKER_USER = "Bot@own", "writer", "reader"


class Secret(NamedTuple):
    """A secret and the server that it is for.

    Attributes:
        server: Name of the server.
        value: The secret.
        user: The user name that is sent with it in basic authentication; empty without one.
    """

    server: str
    value: str
    user: str = ""

    def forms(self) -> list[bytes]:
        """Return the forms in which it may be sent or printed."""
        pair = f"{self.user}:{self.value}".encode()
        return [self.value.encode(), base64.b64encode(pair), base64.b64encode(self.value.encode()).rstrip(b"=")]


SECRETS = (
    Secret("hostile", "OwnPasswordOfTheHostileWiki7", BOT),
    Secret("hostile", "OwnPasswordOfTheHostileStore1", STORE_USER),
    Secret("wiki", "TokenOfTheOtherWiki5"),
    Secret("private", "PasswordOfThePrivateWiki4", BOT),
    Secret("store", "PasswordOfTheOtherStore3", STORE_USER),
    Secret("broker", "PasswordOfTheBroker9", BROKER_USER),
)
_OWN, _OWN_STORE, _TOKEN, _PRIVATE, _STORE, _BROKER = (secret.value for secret in SECRETS)
HOSTS = {
    "hostile": "127.0.0.9",
    "wiki": "127.0.0.2",
    "private": "127.0.0.5",
    "store": "127.0.0.3",
    "broker": "127.0.0.4",
    "trap": "127.0.0.1",
}
"""Loopback address of each server."""

LISTED = "  {domain}: {{api: {hostile}/w/api.php, credentials: {{bot_name: {bot}, bot_password_env: OWN_PASSWORD}}}}"
CONFIGURATION = """
allow_wikimedia: false
wikis:
{listed}
  {other}: {{api: {wiki}/w/api.php, credentials: {{token_env: OTHER_TOKEN}}}}
  private.example: {{api: {private}/w/api.php, credentials: {{bot_name: {bot}, bot_password_env: PRIVATE_PASSWORD}}}}
store:
  authentication: {{user: {store_user}, password_env: STORE_PASSWORD}}
  concept_base: http://{domain}
  batch_seconds: 0.05
stream_manager:
  source: {{options: {{poll_interval: 0.2, properties: &sasl {{
    security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: {broker_user}, sasl.password: {password}}}}}}}
  sink: {{options: {{properties: *sasl}}}}
rdf: {{acceptable_lag: 0, lateness: 0.2, idleness: 0.2, reordering_window: 0.2}}
enrich: {{connect_timeout: 2, retry: {{base_delay: 0.01, max_delay: 0.05, acceptable_lag: 0}}}}
local: {{commit_interval: 0.1, checkpoint_interval: 0.2, drain_timeout: 1}}
"""


class HostileWorld:
    """The servers of one run.

    Attributes:
        servers: The recording server in front of each one, by its name.
        hostile: The hostile server.
    """

    def __init__(self, servers: dict[str, RecordingProxy], hostile: HostileServer) -> None:
        self.servers = servers
        self.hostile = hostile
        origins = {name: server.origin for name, server in servers.items()}
        self._origins = origins | {"trap": f"http://localhost:{servers['trap'].address.rpartition(':')[2]}"}
        hostile.targets = Targets(*(self._origins[name] for name in ("hostile", "wiki", "store", "broker", "trap")))

    def write_configuration(self, *, lists_hostile: bool) -> str:
        """Return the configuration file, with the secret that is not in the environment."""
        listed = LISTED.format(domain=DOMAIN, hostile=self._origins["hostile"], bot=BOT)
        return CONFIGURATION.format(
            wiki=self._origins["wiki"],
            listed=listed if lists_hostile else "",
            domain=DOMAIN,
            other=OTHER_DOMAIN,
            store_user=STORE_USER,
            broker_user=BROKER_USER,
            bot=BOT,
            private=self._origins["private"],
            password=_BROKER,
        )

    def fill_in(self, words: str) -> list[str]:
        """Return the words of a command line, with the origin of each server for its name in capitals."""
        for name, origin in self._origins.items():
            words = words.replace(f"{{{name}}}", origin).replace(f"{{{name}:address}}", origin.removeprefix("http://"))
        return words.split()

    def find_strays(self, named: Sequence[str], connections: frozenset[str]) -> list[str]:
        """Return what arrived where it should not: connections to servers that were not named, secrets of others."""
        found = [
            f"a connection to {name}" for name, server in self.servers.items() if name not in named and server.received
        ]
        allowed = {self.servers[name].address for name in named}
        found += [f"a connection to {address}" for address in sorted(connections - allowed)]
        found += [
            f"the secret of {secret.server} at {name}"
            for name, server in self.servers.items()
            for secret in SECRETS
            if secret.server != name and any(form in server.record for form in secret.forms())
        ]
        return found


def environment(store: str) -> dict[str, str]:
    """Return the secrets in the environment; the password of the store is that of the named server."""
    password = _STORE if store == "store" else _OWN_STORE
    return {"OWN_PASSWORD": _OWN, "OTHER_TOKEN": _TOKEN, "PRIVATE_PASSWORD": _PRIVATE, "STORE_PASSWORD": password}


def find_secrets(content: bytes) -> list[str]:
    """Return the servers whose secrets are in an output or a file."""
    return [secret.server for secret in SECRETS if any(form in content for form in secret.forms())]


@asynccontextmanager
async def serve_world(behaviour: Behaviour, *, private: bool = True) -> AsyncIterator[HostileWorld]:
    """Serve the hostile server and the others until the block ends. A private hostile wiki requires its credentials."""
    repository = _create_repository()
    async with AsyncExitStack() as stack:
        honest = await stack.enter_async_context(FakeWikibase(repository, has_local_data_nodes=True))
        honest.accounts = Accounts({BOT: _OWN}) if private else None
        other = await stack.enter_async_context(FakeWikibase(Repository(make_wikibase_wiki("127.0.0.2"))))
        other.token = _TOKEN
        own_store, other_store = [await _serve_store(stack, repository, each) for each in (_OWN_STORE, _STORE)]
        hostile = HostileServer(honest.url, own_store, _write_streams(repository), behaviour)
        await stack.enter_async_context(hostile)
        backends = {"hostile": hostile.origin, "wiki": other.url, "store": other_store}
        servers = {
            name: await stack.enter_async_context(RecordingProxy(host, backends.get(name, "")))
            for name, host in HOSTS.items()
        }
        yield HostileWorld(servers, hostile)


async def _serve_store(stack: AsyncExitStack, repository: Repository, password: str) -> str:
    store = Store()
    store.extend(munge_all(repository))
    runner = web.AppRunner(build_application(store, password=password), shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


def _write_streams(repository: Repository) -> dict[str, Sequence[bytes]]:
    changes = [build_page_change(change, repository.wiki) for change in repository.journal]
    changes += list(_mislead(changes[0]))
    graph = MutationGenerator(Random(1), entities=4)
    mutations = [
        orjson.dumps(event)
        for mutation in graph.generate(8)
        for event in encode_mutation(mutation, MessageVersion.V2, domain=DOMAIN, now=mutation.time)
    ]
    encoded = [orjson.dumps(event) for event in changes]
    return {PAGE_CHANGES: encoded, RECONCILES: encoded, MUTATIONS: mutations}


def _mislead(event: Event) -> list[Event]:
    """Return the event with domains that are addresses, and with texts that a terminal would interpret."""
    domains = ["127.0.0.2", "169.254.169.254", "localhost", f"{DOMAIN}@{OTHER_DOMAIN}", f"{OTHER_DOMAIN}:80", MARKUP]
    misled = [event | {"meta": event["meta"] | {"domain": domain, "uri": f"http://{domain}/"}} for domain in domains]
    misled.append(event | {"$schema": "http://169.254.169.254/mediawiki/page/change/1.7.0"})
    misled.append(event | {"page": event["page"] | {"page_title": MARKUP}, "comment": MARKUP})
    return misled


def write_failures(file: Path) -> None:
    """Write an error stream whose texts are hostile, for a replay."""
    page = build_page_change(_create_repository().journal[0], make_wikibase_wiki(DOMAIN))
    events = [*([page] * 3), *_mislead(page)]
    types = [MARKUP, "[/b]", "[link=http://169.254.169.254/]", "\x1b[2J", "WikiRefused"]
    failures = [
        {
            "$schema": "/error/2.1.0",
            "meta": page["meta"] | {"stream": "mw_page_content_change_enrich.error", "id": str(UUID(int=number))},
            "dt": page["dt"],
            "emitter_id": MARKUP,
            "error_type": types[number % len(types)],
            "message": MARKUP,
            "stack": MARKUP,
            "raw_event": orjson.dumps(event).decode(),
        }
        for number, event in enumerate(events)
    ]
    file.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in failures))


def _create_repository() -> Repository:
    repository = Repository(make_wikibase_wiki(DOMAIN, concept_base=f"http://{DOMAIN}"))
    EditSimulator(repository, seed=8, triples=30).create_initial(3)
    return repository
