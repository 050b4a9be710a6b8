"""The failure table, row by row, over real HTTP: what the wiki counted, what came out, what is on the error stream.

All rows are done at once in one run of the job, each to a wiki of its own: once for ever, once twice and then no more,
and once for ever to one revision among fifty that are well.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import pytest
from tests.e2e.failure_cases import Case, Retried, Row, run_cases
from tests.e2e.support import (
    OLD,
    PATIENCE,
    WIKI,
    Ended,
    Running,
    assert_errors_hold,
    change,
    line,
    run_files,
    settings,
    started,
    text_of,
    world_of,
    young,
)

from wikistate.testing.faults import (
    Absent,
    ApiError,
    Bomb,
    EmptyBody,
    Hang,
    Huge,
    NotJson,
    Redirect,
    Reset,
    Stall,
    Status,
    Truncated,
)
from wikistate.testing.pages import Flaw
from wikistate.testing.processes import free_port
from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT = 4
"""``enrich.retry.max_attempts`` as it is unless set."""

GOOD = 50
SPLITS = 6
"""How often fifty are halved until each is alone."""

MIB = 1024 * 1024
NO, BY_NAME, YES, YOUNG = Retried.NO, Retried.NO_BY_NAME, Retried.YES, Retried.YOUNG
PATIENT = {"Retry-After": "1"}

TABLE = (
    # The way to the wiki. That no connection comes about in time is tested further down: it takes a deaf wiki.
    Row("read-time-out", Hang(), YES, "ReadTimeout"),
    Row("reset", Reset(), YES, "ConnectionFailed"),
    Row("reset-in-the-body", Reset(after=40), YES, "ConnectionFailed"),
    # HTTP statuses.
    *(Row(f"{code}", Status(code), NO, "UnexpectedStatus") for code in (201, 206)),
    Row("204", Status(204, body=""), NO, "UnexpectedStatus"),
    *(Row(f"{code}", Redirect("http://127.0.0.1:9/", code), NO, "Redirect") for code in (301, 302, 303, 307, 308)),
    Row("304", Status(304, body=""), NO, "Redirect"),
    *(Row(f"{code}", Status(code), NO, "ClientError") for code in (400, 403, 404, 405, 413, 418)),
    Row("408", Status(408), YES, "RequestTimeout"),
    Row("429", Status(429), YES, "TooManyRequests"),
    Row("429-asking-to-wait", Status(429, PATIENT), YES, "TooManyRequests"),
    *(Row(f"{code}", Status(code), YES, "ServerError") for code in (500, 502, 504)),
    Row("503", Status(503), YES, "ServiceUnavailable"),
    Row("503-asking-to-wait", Status(503, PATIENT), YES, "ServiceUnavailable"),
    *(Row(f"{code}", Status(code), NO, "OtherServerError") for code in (501, 505)),
    # Errors of the Action API, which come with the status 200.
    Row("maxlag", ApiError("maxlag", headers=PATIENT, more={"lag": 9.5}), YES, "MaxLag"),
    Row("readonly", ApiError("readonly"), YES, "ReadOnly"),
    Row("ratelimited", ApiError("ratelimited"), YES, "RateLimited"),
    Row("internal-api-error", ApiError("internal_api_error_DBQueryError"), YES, "ApiInternalError"),
    *(Row(code, ApiError(code), NO, "ApiError") for code in ("badvalue", "readapidenied", "never-heard-of")),
    # Answers that are none.
    Row("no-json", NotJson(), YES, "UnparsableResponse"),
    Row("half-of-the-json", Truncated(), YES, "UnparsableResponse"),
    Row("no-json-object", NotJson("[]"), YES, "UnparsableResponse"),
    Row("nothing", EmptyBody(), YES, "EmptyResponse"),
    Row("no-result", NotJson('{"batchcomplete":true}'), YES, "EmptyResponse"),
    Row("too-large", Huge(4 * MIB), NO, "ContentTooLarge"),
    Row("too-large-unpacked", Bomb(16 * MIB), NO, "ContentTooLarge"),
    Row("stalled", Stall(), NO, "ContinuationStalled"),
    # One revision.
    Row("unknown", Absent(), BY_NAME, "BadRevision"),
    Row("not-yet-replicated", Absent(), YOUNG, "BadRevision"),
    Row("text-missing", None, BY_NAME, "TextMissing", flaw=Flaw.TEXT_MISSING),
    Row("bad-content-format", None, BY_NAME, "BadContentFormat", flaw=Flaw.BAD_FORMAT),
    Row("slot-missing", None, BY_NAME, "SlotMissing", flaw=Flaw.MISSING),
    Row("slots-missing", None, BY_NAME, "SlotsMissing", flaw=Flaw.SLOTS_MISSING),
)
PASSING = [row for row in TABLE if row.retried in {YES, YOUNG}]
ASKING_TO_WAIT = [row for row in TABLE if getattr(row.action, "headers", None) == PATIENT]


class Outcome(NamedTuple):
    """What became of every row in each of the three ways, by the row's name."""

    run: Ended
    for_ever: dict[str, Case]
    twice: dict[str, Case]
    among_others: dict[str, Case]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The run."""
    for_ever = {row.name: Case(row, number, dt=dt_of(row)) for number, row in enumerate(TABLE, 1)}
    twice = {row.name: Case(row, number, times=2, dt=dt_of(row)) for number, row in enumerate(PASSING, 101)}
    among = {row.name: Case(row, number, neighbours=GOOD, dt=dt_of(row)) for number, row in enumerate(TABLE, 201)}
    run = run_cases(
        tmp_path_factory.mktemp("table"),
        [*among.values(), *for_ever.values(), *twice.values()],
        enrich__request_timeout=3,
        enrich__max_response_bytes=MIB,
        enrich__retry__base_delay=0.01,
        enrich__retry__acceptable_lag=2,
    )
    return Outcome(asyncio.run(run), for_ever, twice, among)


def dt_of(row: Row) -> str:
    """Young where that is what the row is about."""
    return young() if row.retried is YOUNG else OLD


def rows(table: list[Row] | tuple[Row, ...]) -> pytest.MarkDecorator:
    """One test for each row."""
    return pytest.mark.parametrize("row", table, ids=[row.name for row in table])


@rows(TABLE)
def test_what_goes_wrong_for_ever_is_asked_as_the_table_says_and_becomes_one_error_event(
    row: Row, outcome: Outcome
) -> None:
    """Alone: retryable until the limit, all else once."""
    case = outcome.for_ever[row.name]
    assert [event["error_type"] for event in case.errors] == [row.error_type]
    assert case.enriched == []
    match row.retried:
        case Retried.YES:
            assert case.asks == LIMIT
            assert f"Given up after {LIMIT} tries." in case.errors[0]["message"]
        case Retried.YOUNG:
            assert case.asks > LIMIT
        case Retried.NO | Retried.NO_BY_NAME:
            assert case.asks == 1


@rows(PASSING)
def test_what_goes_wrong_twice_is_asked_a_third_time_and_is_enriched(row: Row, outcome: Outcome) -> None:
    """A failure that passes leaves no trace."""
    case = outcome.twice[row.name]
    assert case.bodies == {case.bad: text_of(case.bad)}
    assert case.errors == []
    assert case.asks == 3


@rows(TABLE)
def test_one_bad_revision_among_fifty_fails_alone(row: Row, outcome: Outcome) -> None:
    """Its neighbours are enriched with their own content, and it is asked for no more often than its rule says."""
    case = outcome.among_others[row.name]
    assert case.bodies == {rev_id: text_of(rev_id) for rev_id in case.good}
    assert [event["error_type"] for event in case.errors] == [row.error_type]
    assert str(case.bad) in case.errors[0]["raw_event"]
    match row.retried:
        case Retried.YES:
            assert case.asks == LIMIT
        case Retried.YOUNG:
            assert case.asks > LIMIT
        case Retried.NO:
            assert 1 < case.asks <= 1 + SPLITS
        case Retried.NO_BY_NAME:
            assert case.asks == 1


@rows(ASKING_TO_WAIT)
def test_a_wiki_that_asks_to_wait_is_left_in_peace_for_so_long(row: Row, outcome: Outcome) -> None:
    """Retry-After is honoured before each further try, alone and in a batch."""
    for case in (outcome.for_ever[row.name], outcome.twice[row.name], outcome.among_others[row.name]):
        assert case.pauses
        assert min(case.pauses) >= 1.0


def test_nothing_is_lost_and_every_error_event_is_valid_and_holds_its_change(outcome: Outcome) -> None:
    """Each change is in one of the two outputs, once, and the job ends well: failures of a wiki are not its own."""
    cases = [*outcome.for_ever.values(), *outcome.twice.values(), *outcome.among_others.values()]
    lines = [each for case in cases for each in case.lines]
    assert outcome.run.code == 0
    assert len(outcome.run.enriched) + len(outcome.run.errors) == len(lines)
    assert_errors_hold(outcome.run.errors, lines)


@contextmanager
def deaf(port: int) -> Iterator[None]:
    """A port whose queue of new connections is full, so that the kernel drops every attempt."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield


async def test_a_wiki_that_takes_no_connection_is_tried_until_the_limit(tmp_path: Path) -> None:
    """The time-out of a connection ends in an error event that says how often it was tried."""
    port = free_port()
    values = settings(enrich__connect_timeout=0.2, enrich__retry__base_delay=0.01)
    with deaf(port):
        ended = await run_files(
            tmp_path, [line(change(1))], "--wiki", f"{WIKI.domain}=http://127.0.0.1:{port}/w/api.php", *values
        )
    assert ended.code == 0
    assert ended.error_types == ["ConnectTimeout"]
    assert f"Given up after {LIMIT} tries." in ended.errors[0]["message"]
    assert_errors_hold(ended.errors, [line(change(1))])


async def test_a_wiki_that_takes_connections_again_is_asked_and_answers(tmp_path: Path) -> None:
    """After two time-outs of the connection the third try, or a later one, succeeds."""
    port, metrics = free_port(), free_port()
    source = tmp_path / "changes.ndjson"
    source.write_bytes(line(change(1)) + b"\n")
    values = settings(enrich__connect_timeout=0.2, enrich__retry={"base_delay": 0.01, "max_attempts": 1000})
    words = ["--wiki", f"{WIKI.domain}=http://127.0.0.1:{port}/w/api.php", "--metrics-port", str(metrics), *values]
    async with started(tmp_path, *words, source=f"file:{source}") as run:
        with deaf(port):
            await _retried(run, metrics, "ConnectTimeout", 2)
        async with FakeWiki(world_of(1), port=port):
            ended = await run.end()
    assert (ended.code, ended.errors, ended.bodies) == (0, [], {1: text_of(1)})


async def _retried(run: Running, port: int, cause: str, times: int) -> None:
    """Wait until the job says that it has asked again so often for this reason."""
    start = f'wikistate_wiki_retries_total{{cause="{cause}"}} '
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        while run.alive:
            try:
                async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                    shown = await response.text()
            except aiohttp.ClientConnectionError:  # it is still starting
                shown = ""
            if any(float(row.removeprefix(start)) >= times for row in shown.splitlines() if row.startswith(start)):
                return
            await asyncio.sleep(0.05)
    raise AssertionError((await run.end()).told)
