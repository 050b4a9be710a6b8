"""What becomes of a request to an endpoint that is away, busy, broken, or of another opinion."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.support.processes import find_free_port
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.triplestore.endpoint import EndpointSettings, SparqlEndpoint
from wikistate.adapters.triplestore.responses import format_message, parse_change_count
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.updates import UpdateTarget
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.errors import ConfigError, StoreError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from wikistate.adapters.triplestore.store import OutageRetry

DIALECT = UpdateTarget(Uris.for_wikibase("http://a.test"))
POSITION = {Partition("t"): StorePosition(1, 1)}
PAGE = "<html><style>b { x }</style><b>No&nbsp;room</b>\n  left</html>"


class Scripted:
    """Answers with one response after the other, the last one again and again."""

    def __init__(self, *answers: tuple[int, str] | tuple[int, str, dict[str, str]]) -> None:
        self._answers = list(answers)
        self.requests = 0

    async def respond(self, request: web.Request) -> web.Response:
        """The next answer."""
        self.requests += 1
        await request.read()
        status, text, *headers = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return web.Response(status=status, text=text, headers=headers[0] if headers else None)


class Patience:
    """Notes how long was waited, and does not wait."""

    def __init__(self) -> None:
        self.told: list[OutageRetry | None] = []
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Instead of `asyncio.sleep`."""
        self.slept.append(seconds)


async def apply_to(script: Scripted, patience: Patience, **settings: object) -> None:
    """One small batch."""
    async with serving(script.respond) as origin:
        stated = EndpointSettings(update_url=origin, **settings)  # type: ignore[arg-type]
        store = SparqlEndpoint(stated, DIALECT, on_outage=patience.told.append, sleep=patience.sleep)
        await store._http.open()
        try:
            await store.apply(StorePatch(), POSITION, None)
        finally:
            await store.close()


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_a_busy_endpoint_is_waited_for_without_end(status: int) -> None:
    """Each wait is longer than the one before, up to a bound; who watches is told why, and when it is over."""
    script, patience = Scripted(*[(status, PAGE)] * 12, (200, "")), Patience()
    await apply_to(script, patience, first_wait=1.0, longest_wait=30.0)
    assert script.requests == 13
    assert patience.slept[0] <= 1 < patience.slept[3] <= 8
    assert 24 <= patience.slept[-1] <= 30
    first, last = patience.told[0], patience.told[-1]
    assert last is None
    assert first is not None
    assert first.reason.endswith(f"answers {status}: No room left")


async def test_an_endpoint_says_how_long_to_wait() -> None:
    """Its word counts when it is longer than ours."""
    patience = Patience()
    await apply_to(Scripted((503, "", {"Retry-After": "120"}), (204, "")), patience)
    assert patience.slept == [120.0]


async def test_an_endpoint_that_fails_by_itself_is_tried_some_times() -> None:
    """It may be a defect that it has with just this request: that is said instead of waiting for ever."""
    script, patience = Scripted((500, "java.lang.OutOfMemoryError\n\tat a.b.C(D.java:1)")), Patience()
    with pytest.raises(StoreError, match=r"answers 500: java\.lang\.OutOfMemoryError at a\.b.* failed 3 times"):
        await apply_to(script, patience, tries=3)
    assert script.requests == 3


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((400, "Parse error: line 3"), "Parse error: line 3"),
        ((401, ""), "store.authentication"),
        ((403, ""), "store.authentication"),
        ((404, ""), "store.query_url"),
        ((405, ""), "store.location"),
        ((413, ""), "store.batch_triples"),
        ((301, "", {"Location": "https://b.test/sparql"}), "redirects to https://b.test/sparql"),
    ],
)
async def test_a_refusal_is_final_and_says_what_to_set(
    answer: tuple[int, str] | tuple[int, str, dict[str, str]], hint: str
) -> None:
    """It is not sent again, and a redirect is not followed: it would take the credential along."""
    script, patience = Scripted(answer), Patience()
    with pytest.raises(StoreError) as refusal:
        await apply_to(script, patience)
    assert hint in str(refusal.value)
    assert (script.requests, patience.told) == (1, [])


async def test_an_endpoint_that_is_not_there_is_waited_for() -> None:
    """A store that restarts refuses connections for a while. To give up, cancel."""
    patience = Patience()

    class GivenUpError(Exception):
        pass

    async def sleep(seconds: float) -> None:
        patience.slept.append(seconds)
        if len(patience.slept) == 5:
            raise GivenUpError

    settings = EndpointSettings(update_url=f"http://127.0.0.1:{find_free_port()}/")
    store = SparqlEndpoint(settings, DIALECT, on_outage=patience.told.append, sleep=sleep)
    with pytest.raises(GivenUpError):
        await store.open()
    await store.close()
    assert len(patience.told) == 5


async def test_an_update_that_takes_too_long_is_sent_again() -> None:
    """The time-out that is set is the one that counts."""
    patience, requests = Patience(), 0
    hanging = asyncio.Event()

    async def respond(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        await request.read()
        if requests == 1:
            await hanging.wait()
        return web.Response(status=204)

    async with serving(respond) as origin:
        settings = EndpointSettings(update_url=origin, request_timeout=0.05)
        store = SparqlEndpoint(settings, DIALECT, on_outage=patience.told.append, sleep=patience.sleep)
        await store._http.open()
        applied = await store.apply(StorePatch(), POSITION, None)
        hanging.set()
        await store.close()
    assert requests == 2
    assert applied.requests == 1
    assert [waiting is None for waiting in patience.told] == [False, True]


async def test_an_answer_that_is_none_is_an_error() -> None:
    """A page that says 200, as of a proxy's login."""
    async with serving(Scripted((200, PAGE)).respond) as origin:
        store = SparqlEndpoint(EndpointSettings(update_url=origin), DIALECT)
        await store._http.open()
        with pytest.raises(StoreError, match="without valid JSON"):
            await store.query("SELECT * { ?s ?p ?o }")
        await store.close()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"head": {}, "boolean": true}', True),
        ('{"head": {}, "boolean": false}', False),
        ('{"results": {"bindings": [{"r": {"type": "typed-literal", "value": "1", "datatype": "%sinteger"}}]}}', True),
        ('{"results": {"bindings": [{"r": {"type": "typed-literal", "value": "0", "datatype": "%sinteger"}}]}}', False),
    ],
)
async def test_yes_and_no_are_read_as_the_standard_and_as_virtuoso_put_them(body: str, expected: object) -> None:
    """Virtuoso answers with a table of one cell."""
    text = body.replace("%s", "http://www.w3.org/2001/XMLSchema#")
    async with serving(Scripted((200, text)).respond) as origin:
        store = SparqlEndpoint(EndpointSettings(update_url=origin), DIALECT)
        await store._http.open()
        assert await store.ask("ASK {}") is expected
        await store.close()


async def test_a_url_that_is_none_is_a_setting_that_is_wrong() -> None:
    """Said before anything is sent."""
    store = SparqlEndpoint(EndpointSettings(update_url="sparql.test"), DIALECT)
    with pytest.raises(ConfigError, match="not the URL of a store"):
        await store.open()


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"<p>totalElapsed=10ms, elapsed=10ms, mutationCount=7</p>COMMIT: totalElapsed=1ms, mutationCount = 9", 9),
        (b"<html>Success</html>", None),
        (b"", None),
    ],
)
def test_changes_are_read_only_where_they_are_told(body: bytes, count: int | None) -> None:
    """A number is never made up."""
    assert parse_change_count(body) == count


def test_a_message_is_cut_to_what_one_reads() -> None:
    """One line without control characters; what stands in angle brackets is an IRI unless it is a page."""
    assert format_message(b"bad <http://a.test/x>\x00\x1b[31m") == "bad <http://a.test/x>[31m"
    assert len(format_message(b"word " * 1000)) < 410
    assert format_message(b"") == "(empty response)"
