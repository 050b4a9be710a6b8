"""Requests to an endpoint that is down, busy, broken, or misconfigured."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.support.processes import find_free_port
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.triplestore.endpoint import SparqlEndpoint
from wikistate.adapters.triplestore.endpoint_client import EndpointSettings
from wikistate.adapters.triplestore.responses import format_message, parse_change_count
from wikistate.config.store import StoreSettings
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.update_target import UpdateTarget
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
    """Server with scripted responses; it repeats the last one."""

    def __init__(self, *answers: tuple[int, str] | tuple[int, str, dict[str, str]]) -> None:
        self._answers = list(answers)
        self.requests = 0

    async def respond(self, request: web.Request) -> web.Response:
        """Return the next response."""
        self.requests += 1
        await request.read()
        status, text, *headers = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return web.Response(status=status, text=text, headers=headers[0] if headers else None)


class RecordingSleep:
    """Clock that records the delays and does not wait."""

    def __init__(self) -> None:
        self.outages: list[OutageRetry | None] = []
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Record a delay, in place of `asyncio.sleep`."""
        self.slept.append(seconds)


async def apply_to(script: Scripted, recorder: RecordingSleep, **settings: object) -> None:
    """Apply one small batch."""
    async with serving(script.respond) as origin:
        stated = EndpointSettings(update_url=origin, **settings)  # type: ignore[arg-type]
        store = SparqlEndpoint(stated, DIALECT, on_outage=recorder.outages.append, sleep=recorder.sleep)
        await store._client.open()
        try:
            await store.apply(StorePatch(), POSITION, None)
        finally:
            await store.close()


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_busy_endpoint_is_retried_without_a_limit(status: int) -> None:
    """Each delay is longer than the one before, up to a bound; the callback gets the reason, and then the end."""
    script, recorder = Scripted(*[(status, PAGE)] * 12, (200, "")), RecordingSleep()
    await apply_to(script, recorder, first_wait=1.0, longest_wait=30.0)
    assert script.requests == 13
    assert recorder.slept[0] <= 1 < recorder.slept[3] <= 8
    assert 24 <= recorder.slept[-1] <= 30
    first, last = recorder.outages[0], recorder.outages[-1]
    assert last is None
    assert first is not None
    assert first.reason.endswith(f"answers {status}: No room left")


async def test_retry_after_of_an_endpoint_is_kept() -> None:
    """It counts if it is longer than the own delay."""
    recorder = RecordingSleep()
    await apply_to(Scripted((503, "", {"Retry-After": "120"}), (204, "")), recorder)
    assert recorder.slept == [120.0]


@pytest.mark.parametrize("stated", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_retry_after_of_an_endpoint_is_bounded(stated: str) -> None:
    """A proxy may state any time."""
    recorder = RecordingSleep()
    await apply_to(Scripted((503, "", {"Retry-After": stated}), (204, "")), recorder)
    assert recorder.slept == [3600.0]


@pytest.mark.parametrize(
    "stated", ["999999999", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"]
)
async def test_bound_of_retry_after_is_a_setting(stated: str) -> None:
    """`store.max_retry_after` reaches the endpoint. A date that no clock can state is ignored."""
    found = StoreSettings(location="http://s.example", max_retry_after=20.0)
    recorder = RecordingSleep()
    await apply_to(
        Scripted((429, "", {"Retry-After": stated}), (204, "")),
        recorder,
        max_retry_after=found.max_retry_after,
        first_wait=1.0,
    )
    assert recorder.slept == [20.0] or (stated.endswith("-2359") and 0.8 <= recorder.slept[0] <= 1.0)


async def test_endpoint_with_an_internal_error_is_retried_some_times() -> None:
    """The request itself may cause the error, so the error is raised at last."""
    script, recorder = Scripted((500, "java.lang.OutOfMemoryError\n\tat a.b.C(D.java:1)")), RecordingSleep()
    with pytest.raises(StoreError, match=r"answers 500: java\.lang\.OutOfMemoryError at a\.b.* failed 3 times"):
        await apply_to(script, recorder, tries=3)
    assert script.requests == 3


@pytest.mark.parametrize(
    "text", ['{"exception":"Operation timed out. Last operation: x","status":"ERROR"}', "operation timed out"]
)
async def test_time_limit_of_a_store_is_not_an_overload(text: str) -> None:
    """The same request would be ended again, so the attempts are limited, and the error names the limit."""
    script, recorder = Scripted((429, text)), RecordingSleep()
    with pytest.raises(StoreError, match=r"timed out.* failed 3 times.*time limit of the server.*store\.batch_triples"):
        await apply_to(script, recorder, tries=3)
    assert script.requests == 3


async def test_overload_with_a_delay_is_waited_for() -> None:
    """A proxy that limits requests states when the next one is allowed."""
    script = Scripted(*[(429, "Operation timed out", {"Retry-After": "1"})] * 12, (200, ""))
    await apply_to(script, RecordingSleep(), tries=3)
    assert script.requests == 13


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
async def test_final_error_is_not_retried_and_names_the_setting(
    answer: tuple[int, str] | tuple[int, str, dict[str, str]], hint: str
) -> None:
    """It is not sent again, and a redirect is not followed: it would send the credential along."""
    script, recorder = Scripted(answer), RecordingSleep()
    with pytest.raises(StoreError) as error:
        await apply_to(script, recorder)
    assert hint in str(error.value)
    assert (script.requests, recorder.outages) == (1, [])


async def test_unreachable_endpoint_is_waited_for() -> None:
    """A store that restarts refuses connections for a while. The caller can cancel the wait."""
    recorder = RecordingSleep()

    class GivenUpError(Exception):
        pass

    async def sleep(seconds: float) -> None:
        recorder.slept.append(seconds)
        if len(recorder.slept) == 5:
            raise GivenUpError

    settings = EndpointSettings(update_url=f"http://127.0.0.1:{find_free_port()}/")
    store = SparqlEndpoint(settings, DIALECT, on_outage=recorder.outages.append, sleep=sleep)
    with pytest.raises(GivenUpError):
        await store.open()
    await store.close()
    assert len(recorder.outages) == 5


async def test_update_that_times_out_is_sent_again() -> None:
    """The configured time-out applies."""
    recorder, requests = RecordingSleep(), 0
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
        store = SparqlEndpoint(settings, DIALECT, on_outage=recorder.outages.append, sleep=recorder.sleep)
        await store._client.open()
        applied = await store.apply(StorePatch(), POSITION, None)
        hanging.set()
        await store.close()
    assert requests == 2
    assert applied.requests == 1
    assert [waiting is None for waiting in recorder.outages] == [False, True]


async def test_response_that_is_not_json_is_an_error() -> None:
    """A page with status 200 may be the login of a proxy."""
    async with serving(Scripted((200, PAGE)).respond) as origin:
        store = SparqlEndpoint(EndpointSettings(update_url=origin), DIALECT)
        await store._client.open()
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
async def test_boolean_results_are_parsed_in_both_forms(body: str, expected: object) -> None:
    """Virtuoso returns a table of one cell."""
    text = body.replace("%s", "http://www.w3.org/2001/XMLSchema#")
    async with serving(Scripted((200, text)).respond) as origin:
        store = SparqlEndpoint(EndpointSettings(update_url=origin), DIALECT)
        await store._client.open()
        assert await store.ask("ASK {}") is expected
        await store.close()


async def test_invalid_url_is_a_configuration_error() -> None:
    """The error is raised before anything is sent."""
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
def test_change_count_is_read_only_if_it_is_there(body: bytes, count: int | None) -> None:
    """A number is never invented."""
    assert parse_change_count(body) == count


def test_message_of_an_endpoint_is_shortened() -> None:
    """The message is one line without control characters; text in angle brackets is an IRI, unless it is a page."""
    assert format_message(b"bad <http://a.test/x>\x00\x1b[31m") == "bad <http://a.test/x>[31m"
    assert len(format_message(b"word " * 1000)) < 410
    assert format_message(b"") == "(empty response)"


@pytest.mark.parametrize("body", ["<html><title>Sign in</title></html>", "Sign in\nplease"])
async def test_error_quotes_first_line_of_a_result_that_is_not_json(body: str) -> None:
    """A proxy or a login page answers instead of the store."""
    async with serving(Scripted((200, body)).respond) as origin:
        store = SparqlEndpoint(EndpointSettings(update_url=origin), DIALECT)
        await store._client.open()
        try:
            with pytest.raises(StoreError, match=r"begins with 'Sign in'") as caught:
                await store.query("SELECT * {}")
        finally:
            await store.close()
    assert "proxy" in caught.value.hint


async def test_byte_order_mark_before_a_result_is_removed() -> None:
    """A store behind a page of PHP has one."""
    async with serving(Scripted((200, '\ufeff{"boolean":true}')).respond) as origin:
        store = SparqlEndpoint(EndpointSettings(update_url=origin), DIALECT)
        await store._client.open()
        try:
            assert await store.ask("ASK {}")
        finally:
            await store.close()
