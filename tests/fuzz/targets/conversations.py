"""Clients that talk to a server of recorded responses: the whole path from the socket to the result.

A request to any other address than that of the server is a finding; see `tests.fuzz.sandbox`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
from tests.fuzz.conversation import Conversation, serve
from tests.fuzz.target import Kind, Target, require
from tests.fuzz.virtual_time import run_virtually

from wikistate.adapters.connectors.eventstreams.settings import EventStreamsSettings
from wikistate.adapters.connectors.eventstreams.source import EventStreamsFeed
from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.http.documents import DocumentReader, build_stream_configs_uri
from wikistate.adapters.mediawiki.credentials import BotPassword
from wikistate.adapters.mediawiki.entity_data import EntityDataClient
from wikistate.adapters.mediawiki.entity_responses import EntityDataSettings
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.triplestore.endpoint import SparqlEndpoint
from wikistate.adapters.triplestore.endpoint_client import EndpointSettings
from wikistate.config.layers import Layer
from wikistate.config.load import load
from wikistate.core.enrichment.retry import RetryPolicy
from wikistate.core.events.documents import parse_document
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.errors import ConfigError, ExternalError, InputError, SourceError, StoreError, WikiError
from wikistate.jobs.page_content_change import DEFAULTS
from wikistate.jobs.rdf_sync import DEFAULTS as SYNC_DEFAULTS
from wikistate.streaming.record import Partition, Record
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.enrichment import assemble_page_content_change
from wikistate.wiring.wikibase import discover_wikibase

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from pathlib import Path

    from wikistate.streaming.record import Output

_DOMAIN = "www.wikidata.org"
_URIS = Uris.for_wikibase("http://www.wikidata.org")
_SECRET = "hunter2-secret"
_EVENT = {
    "$schema": "/mediawiki/page/change/1.7.0",
    "meta": {
        "stream": "mediawiki.page_change.v1",
        "domain": "en.wikipedia.org",
        "dt": "2026-01-01T00:00:00Z",
        "id": "x",
    },
    "dt": "2026-01-01T00:00:00Z",
    "page": {"page_id": 1, "page_title": "A", "namespace_id": 0},
    "revision": {"rev_id": 1, "rev_dt": "2026-01-01T00:00:00Z", "content_slots": {"main": {"slot_role": "main"}}},
    "wiki_id": "test",
    "page_change_kind": "edit",
    "changelog_kind": "update",
}
_LOCATION = ("/w/api.php", "/wiki/Special:EntityData/Q1.ttl", "HOST.invalid", "nocache=", "&revision=1", "EditURI")


def _converse(talk: Callable[[Conversation], Coroutine[Any, Any, None]]) -> Callable[[bytes, Path], None]:
    """Return the function of a target that talks to the server of its input."""

    async def serve_and_talk(data: bytes) -> None:
        async with serve(data) as conversation:
            await talk(conversation)

    def run(data: bytes, _: Path) -> None:
        run_virtually(serve_and_talk(data))

    return run


async def query_wiki(conversation: Conversation) -> None:
    """Query a wiki with a bot password, after the login."""
    credential = BotPassword("Bot@x", _SECRET)
    client = QueryClient(f"{conversation.url}/w/api.php", HttpSettings(), credential=credential, outage_limit=0)
    await client.open()
    try:
        for _ in range(3):
            await client.query({"meta": "siteinfo"}, tries=2)
    finally:
        await client.close()


async def discover(conversation: Conversation) -> None:
    """Discover a Wikibase as rdf-sync does."""
    layer = Layer(
        values={
            "rdf": {"wikibase": f"{conversation.url}/wiki/Main_Page"},
            "store": {"location": "store"},
            "wikis": {"other.example": {"api": "https://other.example/w/api.php"}},
        }
    )
    await discover_wikibase(load([Layer(values=dict(SYNC_DEFAULTS)), layer]).configuration)


async def fetch_entity(conversation: Conversation) -> None:
    """Fetch the RDF of an entity, and munge it."""
    settings = EntityDataSettings(prefix=f"{conversation.url}/wiki/Special:EntityData/", max_bytes=1_000_000)
    client = EntityDataClient(settings, HttpClient(HttpSettings()), RecordingMeter())
    await client.open()
    try:
        for revision in (1, 2):
            body = await client.fetch("Q1", revision, event_time=1_700_000_000_000)
            require(client.settings.prefix.startswith(f"{conversation.url}/"), "requests would be sent elsewhere")
            if isinstance(body, bytes):
                require(len(body) <= settings.max_bytes, "a body exceeds its limit")
                munge(parse_triples(body, base=client.url("Q1", revision)), "Q1", _URIS)
    finally:
        await client.close()


async def enrich(conversation: Conversation) -> None:
    """Enrich two events by the content of their revisions."""
    layer = Layer(
        values={
            "stream_manager": {"source": {"connector": "file", "options": {"path": "-"}}},
            "enrich": {"mediawiki_api_endpoint_template": f"{conversation.url}/w/api.php"},
        }
    )
    job = assemble_page_content_change(load([Layer(values=dict(DEFAULTS)), layer]).configuration, RecordingMeter()).job
    await job.open()
    try:
        loop = asyncio.get_running_loop()
        found: list[asyncio.Future[list[Output]]] = []
        for number in (1, 2):
            revision = {**_EVENT["revision"], "rev_id": number}  # type: ignore[dict-item]  # an object
            record = Record(orjson.dumps({**_EVENT, "revision": revision}), None, 0, Partition("t"), number)
            found.append(loop.create_future())
            job.execute(job.plan(record), found[-1].set_result)
        for outputs in await asyncio.gather(*found):
            for output in outputs:
                event = orjson.loads(output.value)
                require("Unexpected error" not in event.get("message", ""), event.get("stack", "")[-3000:])
    finally:
        await job.close()


async def follow_stream(conversation: Conversation) -> None:
    """Follow an event stream over some connections."""
    settings = EventStreamsSettings(
        streams=("s",),
        base=f"{conversation.url}/v2/stream/",
        backoff=RetryPolicy(base_delay=0.01, max_delay=0.1),
        reconnect_limit=0,
        max_record_bytes=10_000,
    )
    feed = EventStreamsFeed(settings, HttpSettings())
    await feed.open({}, _NoMetadata())
    try:
        for _ in range(8):
            found = await feed.receive()
            require(all(len(each.record.value or b"") <= settings.max_record_bytes for each in found or ()), "too long")
    finally:
        await feed.close()


class _NoMetadata:
    """Metadata of a first run."""

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:  # noqa: ARG002  (there are none)
        """Return nothing."""
        return {}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Store nothing."""


async def use_store(conversation: Conversation) -> None:
    """Open a store behind an endpoint, query it and update it."""
    settings = EndpointSettings(update_url=f"{conversation.url}/sparql", tries=2, reconnect_limit=0, first_wait=0.01)
    store = SparqlEndpoint(settings, UpdateTarget(_URIS))
    try:
        await store.open()
        with suppress(StoreError):
            await store.ask("ASK {}")
        with suppress(StoreError):
            await store.versions(["Q1"])
        await store.state()
    finally:
        await store.close()


async def read_document(conversation: Conversation) -> None:
    """Read stream configurations from a server."""
    reader = DocumentReader(HttpSettings(total_timeout=5, connect_timeout=5), max_bytes=1_000_000)
    uri = build_stream_configs_uri(f"{conversation.url}/w/api.php", ["mediawiki.page_change.v1"])
    content = await asyncio.to_thread(reader, uri)
    if content is not None:
        require(len(content) <= 1_000_000, "a document exceeds its limit")
        parse_document(content, uri)


TARGETS = (
    Target(name="http-query", kind=Kind.HTTP, run=_converse(query_wiki), errors=(WikiError, ConfigError), cases=12),
    Target(
        name="http-discovery",
        kind=Kind.HTTP,
        run=_converse(discover),
        errors=(WikiError, ConfigError),
        tokens=_LOCATION,
        cases=20,
    ),
    Target(
        name="http-entity",
        kind=Kind.HTTP,
        run=_converse(fetch_entity),
        errors=(InputError,),
        tokens=_LOCATION,
        cases=12,
    ),
    Target(name="http-enrichment", kind=Kind.HTTP, run=_converse(enrich), cases=12),
    Target(name="http-stream", kind=Kind.HTTP, run=_converse(follow_stream), errors=(SourceError,), cases=12),
    Target(name="http-store", kind=Kind.HTTP, run=_converse(use_store), errors=(StoreError, ConfigError), cases=12),
    Target(
        name="http-document", kind=Kind.HTTP, run=_converse(read_document), errors=(ExternalError, InputError), cases=12
    ),
)
