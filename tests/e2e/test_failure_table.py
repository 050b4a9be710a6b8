"""The failure table, row by row, over real HTTP: the requests that the wiki counted, the outputs, the error stream.

One run of the job covers all rows, each applied to a separate wiki: permanently, for two requests only, and permanently
to one revision among fifty healthy ones.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import pytest
from tests.e2e.enrichment_job import (
    OLD,
    TIMEOUT,
    WIKI,
    JobResult,
    RunningJob,
    assert_errors_contain,
    build_change,
    build_dataset,
    encode_line,
    future_time,
    run_over_file,
    setting_arguments,
    start_job,
    text_of,
)
from tests.e2e.failure_cases import FailureCase, FailureRow, RetryExpectation, run_cases
from tests.support.processes import find_free_port

from wikistate.demo.pages import Flaw
from wikistate.testing.faults import (
    ApiError,
    ConnectionReset,
    EmptyBody,
    GzipBomb,
    Hang,
    HttpRedirect,
    HttpStatus,
    HugeBody,
    MissingRevision,
    NonJsonBody,
    OldFormat,
    StalledContinuation,
    TruncatedBody,
)
from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT = 4
"""``enrich.retry.max_attempts`` by default."""

GOOD = 50
SPLITS = 6
"""Number of halvings of fifty until each is alone."""

MIB = 1024 * 1024
NO, BY_NAME, YES, YOUNG = RetryExpectation.NO, RetryExpectation.NO_BY_NAME, RetryExpectation.YES, RetryExpectation.YOUNG
RETRY_AFTER = {"Retry-After": "1"}

TABLE = (
    # The connection to the wiki. The connection timeout has a separate test below: it needs a full listen queue.
    FailureRow("read-time-out", Hang(), YES, "ReadTimeout"),
    FailureRow("reset", ConnectionReset(), YES, "ConnectionFailed"),
    FailureRow("reset-in-the-body", ConnectionReset(after=40), YES, "ConnectionFailed"),
    # HTTP statuses.
    *(FailureRow(f"{code}", HttpStatus(code), NO, "UnexpectedStatus") for code in (201, 206)),
    FailureRow("204", HttpStatus(204, body=""), NO, "UnexpectedStatus"),
    *(
        FailureRow(f"{code}", HttpRedirect("http://127.0.0.1:9/", code), NO, "Redirect")
        for code in (301, 302, 303, 307, 308)
    ),
    FailureRow("304", HttpStatus(304, body=""), NO, "Redirect"),
    *(FailureRow(f"{code}", HttpStatus(code), NO, "ClientError") for code in (400, 403, 404, 405, 413, 418)),
    FailureRow("408", HttpStatus(408), YES, "RequestTimeout"),
    FailureRow("429", HttpStatus(429), YES, "TooManyRequests"),
    FailureRow("429-asking-to-wait", HttpStatus(429, RETRY_AFTER), YES, "TooManyRequests"),
    *(FailureRow(f"{code}", HttpStatus(code), YES, "ServerError") for code in (500, 502, 504)),
    FailureRow("503", HttpStatus(503), YES, "ServiceUnavailable"),
    FailureRow("503-asking-to-wait", HttpStatus(503, RETRY_AFTER), YES, "ServiceUnavailable"),
    *(FailureRow(f"{code}", HttpStatus(code), NO, "OtherServerError") for code in (501, 505)),
    # Errors of the Action API, which come with the status 200.
    FailureRow("maxlag", ApiError("maxlag", headers=RETRY_AFTER, more={"lag": 9.5}), YES, "MaxLag"),
    FailureRow("readonly", ApiError("readonly"), YES, "ReadOnly"),
    FailureRow("ratelimited", ApiError("ratelimited"), YES, "RateLimited"),
    FailureRow("internal-api-error", ApiError("internal_api_error_DBQueryError"), YES, "ApiInternalError"),
    *(FailureRow(code, ApiError(code), NO, "ApiError") for code in ("badvalue", "readapidenied", "never-heard-of")),
    # Responses that are not valid.
    FailureRow("no-json", NonJsonBody(), YES, "UnparsableResponse"),
    FailureRow("half-of-the-json", TruncatedBody(), YES, "UnparsableResponse"),
    FailureRow("no-json-object", NonJsonBody("[]"), YES, "UnparsableResponse"),
    FailureRow("old-format", OldFormat(), NO, "OldResponseFormat"),
    FailureRow("nothing", EmptyBody(), YES, "EmptyResponse"),
    FailureRow("no-result", NonJsonBody('{"batchcomplete":true}'), YES, "EmptyResponse"),
    FailureRow("too-large", HugeBody(4 * MIB), NO, "ContentTooLarge"),
    FailureRow("too-large-unpacked", GzipBomb(16 * MIB), NO, "ContentTooLarge"),
    FailureRow("stalled", StalledContinuation(), NO, "ContinuationStalled"),
    # One revision.
    FailureRow("unknown", MissingRevision(), BY_NAME, "BadRevision"),
    FailureRow("not-yet-replicated", MissingRevision(), YOUNG, "BadRevision"),
    FailureRow("text-missing", None, BY_NAME, "TextMissing", flaw=Flaw.TEXT_MISSING),
    FailureRow("bad-content-format", None, BY_NAME, "BadContentFormat", flaw=Flaw.BAD_FORMAT),
    FailureRow("slot-missing", None, BY_NAME, "SlotMissing", flaw=Flaw.MISSING),
    FailureRow("slots-missing", None, BY_NAME, "SlotsMissing", flaw=Flaw.SLOTS_MISSING),
)
TRANSIENT = [row for row in TABLE if row.retried in {YES, YOUNG}]
WITH_RETRY_AFTER = [row for row in TABLE if getattr(row.action, "headers", None) == RETRY_AFTER]


class Outcome(NamedTuple):
    """Cases of each row in each of the three ways, by the name of the row."""

    run: JobResult
    permanent: dict[str, FailureCase]
    twice: dict[str, FailureCase]
    among_others: dict[str, FailureCase]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Outcome of the run."""
    permanent = {row.name: FailureCase(row, number, dt=dt_of(row)) for number, row in enumerate(TABLE, 1)}
    twice = {row.name: FailureCase(row, number, times=2, dt=dt_of(row)) for number, row in enumerate(TRANSIENT, 101)}
    among = {
        row.name: FailureCase(row, number, neighbours=GOOD, dt=dt_of(row)) for number, row in enumerate(TABLE, 201)
    }
    run = run_cases(
        tmp_path_factory.mktemp("table"),
        [*among.values(), *permanent.values(), *twice.values()],
        enrich__request_timeout=3,
        enrich__max_response_bytes=MIB,
        enrich__retry__base_delay=0.01,
        enrich__retry__acceptable_lag=2,
    )
    return Outcome(asyncio.run(run), permanent, twice, among)


def dt_of(row: FailureRow) -> str:
    """Return a recent time for a row about new revisions, else an old one."""
    return future_time() if row.retried is YOUNG else OLD


def rows(table: list[FailureRow] | tuple[FailureRow, ...]) -> pytest.MarkDecorator:
    """Parametrize a test with rows."""
    return pytest.mark.parametrize("row", table, ids=[row.name for row in table])


@rows(TABLE)
def test_permanent_failure_is_requested_as_the_table_says_and_becomes_one_error_event(
    row: FailureRow, outcome: Outcome
) -> None:
    """A retryable failure is requested until the limit, and each other failure once."""
    case = outcome.permanent[row.name]
    assert [event["error_type"] for event in case.errors] == [row.error_type]
    assert case.enriched == []
    match row.retried:
        case RetryExpectation.YES:
            assert case.request_count == LIMIT
            assert f"Given up after {LIMIT} attempts." in case.errors[0]["message"]
        case RetryExpectation.YOUNG:
            assert case.request_count > LIMIT
        case RetryExpectation.NO | RetryExpectation.NO_BY_NAME:
            assert case.request_count == 1


@rows(TRANSIENT)
def test_failure_of_two_requests_is_retried_and_enriched(row: FailureRow, outcome: Outcome) -> None:
    """A transient failure leaves no trace."""
    case = outcome.twice[row.name]
    assert case.bodies == {case.failing_revision: text_of(case.failing_revision)}
    assert case.errors == []
    assert case.request_count == 3


@rows(TABLE)
def test_failing_revision_among_fifty_fails_alone(row: FailureRow, outcome: Outcome) -> None:
    """Its neighbours have their content, and it is requested only as often as its rule says."""
    case = outcome.among_others[row.name]
    assert case.bodies == {rev_id: text_of(rev_id) for rev_id in case.neighbour_revisions}
    assert [event["error_type"] for event in case.errors] == [row.error_type]
    assert str(case.failing_revision) in case.errors[0]["raw_event"]
    match row.retried:
        case RetryExpectation.YES:
            assert case.request_count == LIMIT
        case RetryExpectation.YOUNG:
            assert case.request_count > LIMIT
        case RetryExpectation.NO:
            assert 1 < case.request_count <= 1 + SPLITS
        case RetryExpectation.NO_BY_NAME:
            assert case.request_count == 1


@rows(WITH_RETRY_AFTER)
def test_retry_after_delays_each_retry(row: FailureRow, outcome: Outcome) -> None:
    """Retry-After holds before each retry, alone and in a batch."""
    for case in (outcome.permanent[row.name], outcome.twice[row.name], outcome.among_others[row.name]):
        assert case.retry_delays
        assert min(case.retry_delays) >= 1.0


def test_nothing_is_lost_and_every_error_event_is_valid_and_holds_its_change(outcome: Outcome) -> None:
    """Each change is in one of the outputs, once; failures of a wiki do not fail the job, so its exit code is 0."""
    cases = [*outcome.permanent.values(), *outcome.twice.values(), *outcome.among_others.values()]
    lines = [each for case in cases for each in case.lines]
    assert outcome.run.code == 0
    assert len(outcome.run.enriched) + len(outcome.run.errors) == len(lines)
    assert_errors_contain(outcome.run.errors, lines)


@contextmanager
def refuse_connections(port: int) -> Iterator[None]:
    """Fill the queue of new connections of a port, so that the kernel drops each attempt."""
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


async def test_connection_timeout_is_retried_until_the_limit(tmp_path: Path) -> None:
    """A connection timeout becomes an error event that states the number of attempts."""
    port = find_free_port()
    values = setting_arguments(enrich__connect_timeout=0.2, enrich__retry__base_delay=0.01)
    with refuse_connections(port):
        result = await run_over_file(
            tmp_path,
            [encode_line(build_change(1))],
            "--wiki",
            f"{WIKI.domain}=http://127.0.0.1:{port}/w/api.php",
            *values,
        )
    assert result.code == 8, "the only event has failed"
    assert result.error_types == ["ConnectTimeout"]
    assert f"Given up after {LIMIT} attempts." in result.errors[0]["message"]
    assert_errors_contain(result.errors, [encode_line(build_change(1))])


async def test_connection_timeout_that_passes_is_retried_and_enriched(tmp_path: Path) -> None:
    """After two connection timeouts the third attempt, or a later one, succeeds."""
    port, metrics = find_free_port(), find_free_port()
    source = tmp_path / "changes.ndjson"
    source.write_bytes(encode_line(build_change(1)) + b"\n")
    values = setting_arguments(enrich__connect_timeout=0.2, enrich__retry={"base_delay": 0.01, "max_attempts": 1000})
    words = ["--wiki", f"{WIKI.domain}=http://127.0.0.1:{port}/w/api.php", "--metrics-port", str(metrics), *values]
    async with start_job(tmp_path, *words, source=f"file:{source}") as run:
        with refuse_connections(port):
            await _wait_for_retries(run, metrics, "ConnectTimeout", 2)
        async with FakeWiki(build_dataset(1), port=port):
            result = await run.close_input()
    assert (result.code, result.errors, result.bodies) == (0, [], {1: text_of(1)})


async def _wait_for_retries(run: RunningJob, port: int, cause: str, times: int) -> None:
    """Wait until the metrics of the job show so many retries for this cause."""
    start = f'wikistate_wiki_retries_total{{cause="{cause}"}} '
    async with asyncio.timeout(TIMEOUT), aiohttp.ClientSession() as session:
        while run.is_running:
            try:
                async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                    shown = await response.text()
            except aiohttp.ClientConnectionError:  # it is still starting
                shown = ""
            if any(float(row.removeprefix(start)) >= times for row in shown.splitlines() if row.startswith(start)):
                return
            await asyncio.sleep(0.05)
    raise AssertionError((await run.close_input()).stderr)
