"""Recording of the conversations of the clients with stand-ins, through a proxy that keeps each response."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pyoxigraph
from tests.fuzz.conversation import HOST, complete
from tests.fuzz.mutators.http_mutator import SEPARATOR
from tests.fuzz.targets import conversations

from wikistate.demo import corpus
from wikistate.errors import WikistateError
from wikistate.testing.sse import SseServer
from wikistate.testing.wiki import Accounts, FakeWiki, MemoryDataset
from wikistate.testing.wikibase import WIKIDATA, EditSimulator, EntityGenerator, FakeWikibase, Repository, Vocabulary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    Talk = Callable[[Any], Coroutine[Any, Any, None]]

_IDLE = 0.5  # seconds without a byte after which an endless response is cut
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")
_LEFT_OUT = re.compile(rb"(?i)\r\n(content-length|date|server|connection|transfer-encoding): [^\r]*")


class Recorder:
    """Proxy to a server, which keeps the responses.

    Args:
        upstream: Address of the server.

    Attributes:
        answers: The responses in the order of their requests.
        url: Address of the proxy.
    """

    def __init__(self, upstream: str) -> None:
        self._host, _, port = upstream.removeprefix("http://").partition(":")
        self._port = int(port.partition("/")[0])
        self.answers: list[bytes] = []
        self.url = ""

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one request."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = _LENGTH.search(head)
            body = await reader.readexactly(int(found[1])) if found else b""
            head = re.sub(rb"(?i)\r\n(accept-encoding|connection): [^\r]*", b"", head)
            head = head.replace(b"\r\n\r\n", b"\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n")
            upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._port)
            upstream_writer.write(head + body)
            answer = b""
            with suppress(TimeoutError):
                while piece := await asyncio.wait_for(upstream_reader.read(1 << 20), _IDLE):
                    answer += piece
            upstream_writer.close()
            self.answers.append(self._clean(answer))
            # The client stays with this proxy: addresses of the server in the answer are replaced.
            writer.write(complete(self.answers[-1].replace(HOST, self.url.removeprefix("http://").encode())))
            await writer.drain()
        writer.close()

    def _clean(self, answer: bytes) -> bytes:
        head, _, body = answer.partition(b"\r\n\r\n")
        if b"chunked" in head.lower():
            body = _join_chunks(body)
        host = f"{self._host}:{self._port}".encode()
        own = self.url.removeprefix("http://").encode()
        return (_LEFT_OUT.sub(b"", head) + b"\r\n\r\n" + body).replace(host, HOST).replace(own, HOST)


def _join_chunks(body: bytes) -> bytes:
    joined = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        joined, body = joined + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return joined


def make_item_repository() -> Repository:
    """Return a repository in which Q1 has two revisions, 1 and 2, with the IRIs of Wikidata."""
    repository = Repository(vocabulary=Vocabulary(WIKIDATA), clock=lambda: 1_760_000_000.0)
    generator = EntityGenerator(Random(3), items=20)
    for _ in range(2):
        repository.save(generator.make_item("Q1", triples=60))
    return repository


async def record_conversations() -> list[tuple[str, bytes]]:
    """Return the name of each target and a conversation of it."""
    repository = Repository()
    EditSimulator(repository, triples=20).create_initial(3)
    made = corpus.compose(changes=40)
    wanted = [stored.revision.rev_id for stored in made.revisions()][:2]
    found: list[tuple[str, bytes]] = []
    async with FakeWikibase(repository, has_local_data_nodes=True) as wiki:
        found.append(("http-discovery", await _record(wiki.url, conversations.discover)))
        wiki.accounts = Accounts({"Bot@x": "hunter2-secret"})
        found.append(("http-query", await _record(wiki.url, conversations.query_wiki)))
    async with FakeWikibase(make_item_repository()) as wiki:
        found.append(("http-entity", await _record(wiki.url, conversations.fetch_entity)))
    async with FakeWiki(MemoryDataset.from_corpus(made)) as wiki_of_pages:
        answers = await _record(wiki_of_pages.url, _ask_for(wanted))
        for number, rev_id in enumerate(wanted, start=1):
            answers = answers.replace(b'"revid":%d' % rev_id, b'"revid":%d' % number)
        found.append(("http-enrichment", answers))
        found.append(("http-document", await _record(wiki_of_pages.url, conversations.read_document)))
    async with SseServer({"s": ["eqiad.s"]}) as stream:
        for number in range(4):
            stream.append("eqiad.s", orjson.dumps({"meta": {"id": str(number), "dt": "2026-01-01T00:00:00Z"}}))
        found.append(("http-stream", await _record(stream.base, _read_stream)))
    async with _serve_store() as url:
        found.append(("http-store", await _record(url, conversations.use_store)))
    return found


def _ask_for(revisions: list[int]) -> Talk:
    async def talk(conversation: Any) -> None:
        wanted = "|".join(map(str, revisions))
        path = "/w/api.php?action=query&format=json&formatversion=2&rvslots=*&prop=revisions&revids=" + wanted
        await _get(
            conversation.url,
            path + "&rvprop=ids|timestamp|flags|size|sha1|slotsize|slotsha1|contentmodel|roles|content",
        )

    return talk


async def _read_stream(conversation: Any) -> None:
    await _get(conversation.url, "/v2/stream/s?since=1970-01-01T00:00:00Z")


async def _get(url: str, path: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path.replace('|', '%7C')} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    await reader.read()
    writer.close()


async def _record(upstream: str, talk: Talk) -> bytes:
    recorder = Recorder(upstream)
    server = await asyncio.start_server(recorder.forward, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    recorder.url = f"http://{host}:{port}"
    try:
        async with asyncio.timeout(20):
            await talk(recorder)
    except (WikistateError, TimeoutError) as error:
        print(f"{talk}: {error}")  # noqa: T201  (the output of the command)
    server.close()
    return SEPARATOR.join(recorder.answers)


@asynccontextmanager
async def _serve_store() -> AsyncIterator[str]:
    """Serve the SPARQL protocol over a store in memory."""
    from urllib.parse import parse_qs  # noqa: PLC0415

    from aiohttp import web  # noqa: PLC0415

    store = pyoxigraph.Store()

    async def answer(request: web.Request) -> web.Response:
        text = (await request.read()).decode()
        if "sparql-update" in request.content_type:
            store.update(text)
            return web.Response(status=204)
        result = store.query(parse_qs(text)["query"][0])
        if isinstance(result, pyoxigraph.QueryTriples):
            return web.Response(status=400)
        body = result.serialize(format=pyoxigraph.QueryResultsFormat.JSON)
        return web.Response(body=body, content_type="application/sparql-results+json")

    application = web.Application()
    application.router.add_post("/sparql", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
