"""A store that was opened is asked again, whatever a proxy answers in its place; at the start each odd answer is its cause."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
from aiohttp import web
from pyoxigraph import NamedNode, QueryBoolean, QueryResultsFormat, QuerySolutions, Store
from structlog.testing import capture_logs
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.outages import OUTAGES
from wikistate.adapters.triplestore.endpoint import SparqlEndpoint
from wikistate.adapters.triplestore.endpoint_client import EndpointSettings
from wikistate.config.store import StoreSettings
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.core.updater.store_state import StoreState
from wikistate.errors import StoreError
from wikistate.streaming.record import Partition
from wikistate.telemetry.meter import RecordingMeter
from wikistate.telemetry.metrics import WAITING_FOR_DEPENDENCY
from wikistate.telemetry.prometheus import find_obstacles
from wikistate.wiring.stores import build_triple_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.adapters.triplestore.store import OutageRetry

TARGET = UpdateTarget(Uris.for_wikibase("http://a.test"))
POSITION = {Partition("t"): StorePosition(1, 1)}
PAGE = "<!DOCTYPE html><title>Maintenance</title>"


class Odd(NamedTuple):
    """Answer of a proxy."""

    status: int = 200
    text: str = PAGE
    content_type: str = "text/html"
    location: str = ""

    def build(self) -> web.Response:
        """Return the response."""
        headers = {"Location": self.location} if self.location else None
        return web.Response(status=self.status, text=self.text, content_type=self.content_type, headers=headers)


ODD = {
    "page": Odd(),
    "not found": Odd(404),
    "forbidden": Odd(403),
    "unauthorized": Odd(401),
    "gone": Odd(410),
    "method": Odd(405),
    "login": Odd(302, location="https://login.example/"),
    "moved": Odd(301, location="/elsewhere"),
    "not implemented": Odd(501),
    "empty": Odd(200, ""),
    "plain text": Odd(200, "ok", "text/plain"),
    "other JSON": Odd(200, '{"status": "maintenance"}', "application/json"),
}
WRONG_REQUEST = {"wrong": Odd(400), "large": Odd(413), "unprocessable": Odd(422)}
AMBIGUOUS_FOR_UPDATES = {"empty", "plain text", "other JSON"}
"""Possible answers of a store to an update that succeeded."""


class ProxiedStore:
    """Store behind a proxy, which answers the next requests oddly.

    Attributes:
        odd: Odd answers to the next requests.
        only: Kind of the requests that are answered oddly, ``query`` or ``update``; empty for both.
        served: Number of requests of any kind.
        update_page: Text of the page with which the store answers an update; empty for none.
    """

    def __init__(self, *, update_page: str = "") -> None:
        self.store = Store()
        self.odd: list[Odd] = []
        self.only = ""
        self.served = 0
        self.update_page = update_page

    async def respond(self, request: web.Request) -> web.Response:
        """Return the response of the proxy or of the store."""
        self.served += 1
        kind = "update" if "update" in request.content_type else "query"
        if self.odd and self.only in {"", kind}:
            return self.odd.pop(0).build()
        if kind == "update":
            self.store.update(await request.text())
            if self.update_page:
                return web.Response(text=self.update_page, content_type="text/html")
            return web.Response(status=204)
        found = self.store.query(str((await request.post())["query"]))
        assert isinstance(found, (QuerySolutions, QueryBoolean))
        return web.Response(
            body=found.serialize(format=QueryResultsFormat.JSON), content_type="application/sparql-results+json"
        )


class Recorder:
    """Record of the waits."""

    def __init__(self) -> None:
        self.outages: list[OutageRetry | None] = []
        self.during: list[int] = []

    async def sleep(self, _: float) -> None:
        """Record whether the outage is known, in place of `asyncio.sleep`."""
        self.during.append(OUTAGES.counts().get("store", 0))


@asynccontextmanager
async def proxied(
    recorder: Recorder, *, update_page: str = "", reconnect_limit: float | None = None
) -> AsyncIterator[tuple[ProxiedStore, SparqlEndpoint]]:
    """Yield a store, and an endpoint of it that is not open."""
    served = ProxiedStore(update_page=update_page)
    async with serving(served.respond) as origin:
        endpoint = SparqlEndpoint(
            EndpointSettings(update_url=origin, tries=3, reconnect_limit=reconnect_limit),
            TARGET,
            on_outage=recorder.outages.append,
            sleep=recorder.sleep,
        )
        try:
            yield served, endpoint
        finally:
            await endpoint.close()
    assert OUTAGES.counts().get("store", 0) == 0


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("only", ["", "query", "update"])
async def test_odd_answers_in_the_middle_are_waited_out(name: str, only: str) -> None:
    """More answers than attempts of a limited request; the update is applied, and the outage is known meanwhile."""
    recorder = Recorder()
    async with proxied(recorder) as (served, endpoint):
        await endpoint.open()
        served.odd, served.only = [ODD[name]] * (1 if only == "update" and name in AMBIGUOUS_FOR_UPDATES else 20), only
        await endpoint.apply_after(StoreState({}), StorePatch(), POSITION, None)
        assert not served.odd
        assert await endpoint.positions() == POSITION
    assert recorder.during == [1] * len(recorder.during)
    assert recorder.during
    assert recorder.outages[-1] is None


@pytest.mark.parametrize("name", ODD)
async def test_odd_answers_to_a_question_in_the_middle_are_waited_out(name: str) -> None:
    """Both forms of questions have their result in the end."""
    recorder = Recorder()
    async with proxied(recorder) as (served, endpoint):
        await endpoint.open()
        served.store.update("INSERT DATA { <a:s> <a:p> 1 }")
        served.odd = [ODD[name]] * 20
        assert await endpoint.query("SELECT ?s { ?s <a:p> 1 }") == [{"s": NamedNode("a:s")}]
        served.odd = [ODD[name]] * 20
        assert await endpoint.ask("ASK { <a:s> <a:p> 1 }")
    assert len(recorder.during) == 40


@pytest.mark.parametrize("name", ODD)
async def test_odd_answer_at_the_start_is_an_error(name: str) -> None:
    """The settings may be wrong, so nothing is retried: the first update and the first query end the start."""
    for only in ("update", "query"):
        if only == "update" and ODD[name].status == 200:
            continue  # the query that follows finds out
        recorder = Recorder()
        async with proxied(recorder) as (served, endpoint):
            served.odd, served.only = [ODD[name]] * 20, only
            with pytest.raises(StoreError):
                await endpoint.open()
            assert len(served.odd) == 19
        assert recorder.outages == []


@pytest.mark.parametrize("name", WRONG_REQUEST)
@pytest.mark.parametrize("only", ["query", "update"])
async def test_status_about_the_request_is_final_in_the_middle(name: str, only: str) -> None:
    """It stays when the store is well."""
    recorder = Recorder()
    async with proxied(recorder) as (served, endpoint):
        await endpoint.open()
        served.odd, served.only = [WRONG_REQUEST[name]] * 20, only
        with pytest.raises(StoreError, match=f"answers {WRONG_REQUEST[name].status}"):
            await endpoint.apply_after(StoreState({}), StorePatch(), POSITION, None)
        assert len(served.odd) == 19
    assert recorder.outages == []


async def test_page_is_a_good_answer_of_a_store_that_answers_updates_with_pages() -> None:
    """Blazegraph does; the state of the store decides."""
    recorder = Recorder()
    async with proxied(recorder, update_page="<html><title>done</title></html>") as (served, endpoint):
        await endpoint.open()
        await endpoint.apply_after(StoreState({}), StorePatch(), POSITION, None)
        assert await endpoint.positions() == POSITION
        assert recorder.outages == []
        served.odd = [ODD["page"]] * 20
        before = await endpoint.state()
        await endpoint.apply_after(before, StorePatch(), {Partition("t"): StorePosition(2, 2)}, None)
        assert (await endpoint.positions())[Partition("t")].next_offset == 2
    assert recorder.during


async def test_result_of_the_store_that_is_cut_is_tried_some_times() -> None:
    """It has a head, so it is not of a proxy; the query itself may be the cause."""
    cut = Odd(200, '{"head": {"vars": ["s"]}, "results": {"bindings": [{"s"', "application/sparql-results+json")
    recorder = Recorder()
    async with proxied(recorder) as (served, endpoint):
        await endpoint.open()
        served.odd = [cut] * 2
        assert await endpoint.query("SELECT ?s { ?s <a:p> 1 }") == []
        served.odd = [cut] * 20
        with pytest.raises(StoreError, match=r"without valid JSON.*failed 3 times"):
            await endpoint.query("SELECT ?s { ?s <a:p> 1 }")
        assert len(served.odd) == 17


async def test_outage_does_not_count_for_an_error_after_it() -> None:
    """A store that starts again may answer 500 a few times, however long it was away."""
    recorder = Recorder()
    async with proxied(recorder) as (served, endpoint):
        await endpoint.open()
        for status in (404, 503):
            served.odd = [*[Odd(status)] * 20, Odd(500), Odd(500)]
            assert await endpoint.query("SELECT ?s { ?s <a:p> 1 }") == []
        before = await endpoint.state()
        served.odd, served.only = [*[Odd(403)] * 20, Odd(500), Odd(500)], "update"
        await endpoint.apply_after(before, StorePatch(), POSITION, None)
    assert recorder.outages[-1] is None


@pytest.mark.parametrize(("name", "message"), [("not found", "404"), ("page", "Maintenance")])
async def test_limit_of_an_outage_ends_it(name: str, message: str) -> None:
    """The error is the last answer."""
    recorder = Recorder()
    async with proxied(recorder, reconnect_limit=0.01) as (served, endpoint):
        await endpoint.open()
        served.odd = [ODD[name]] * 1_000_000
        with pytest.raises(StoreError, match=message):
            await endpoint.state()
    assert recorder.outages


async def test_limit_of_an_outage_ends_that_of_a_busy_store() -> None:
    """The error names the setting."""
    async with proxied(Recorder(), reconnect_limit=0.01) as (served, endpoint):
        await endpoint.open()
        served.odd = [Odd(503)] * 1_000_000
        with pytest.raises(StoreError, match=r"answers 503.*store\.reconnect_limit"):
            await endpoint.state()


async def test_odd_answer_is_logged_and_makes_the_job_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is visible in the log, the metric and the obstacles of the readiness."""
    meter, seen = RecordingMeter(), []
    served = ProxiedStore()

    async def sleep(_: float) -> None:
        seen.append((meter.by_label(WAITING_FOR_DEPENDENCY), find_obstacles(meter)))

    async with serving(served.respond) as origin:
        store = build_triple_store(StoreSettings(location=origin, concept_base="http://a.test"), meter)
        monkeypatch.setattr(store, "_sleep", sleep)
        await store.open()
        served.odd = [ODD["forbidden"]] * 3
        with capture_logs() as logs:
            await store.state()
        await store.close()
    assert seen == [({("store",): 1.0}, ["wikistate_waiting{what=store}"])] * 3
    assert find_obstacles(meter) == []
    assert [line["event"] for line in logs] == ["store_unavailable", "store_available"]
    assert "answers 403" in logs[0]["reason"]


async def test_command_that_asks_once_does_not_wait() -> None:
    """The error has the hint for its status."""
    served = ProxiedStore()
    async with serving(served.respond) as origin:
        settings = StoreSettings(location=origin, concept_base="http://a.test")
        store = build_triple_store(settings, RecordingMeter(), waits=False)
        await store.open()
        served.odd = [ODD["forbidden"]] * 20
        with pytest.raises(StoreError, match=r"answers 403.*store\.authentication"):
            await store.state()
        await store.close()
    assert len(served.odd) == 19
