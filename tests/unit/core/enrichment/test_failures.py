from __future__ import annotations

import pytest

from wikistate.core.enrichment.failures import (
    TABLE,
    FailureKind,
    RetryRule,
    SlowdownScope,
    classify_api_error,
    classify_status,
    find_failure_rule,
)


def test_each_kind_has_exactly_one_row() -> None:
    """The table is complete and has no duplicate row."""
    assert sorted(row.kind for row in TABLE) == sorted(FailureKind)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_temporary_statuses_are_retried(status: int) -> None:
    """These statuses are retried as in the table of the public job."""
    assert find_failure_rule(classify_status(status)).retry_rule is RetryRule.UNTIL_LIMIT


@pytest.mark.parametrize(
    "status", [201, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 410, 413, 418, 501, 505, 599]
)
def test_other_statuses_are_final(status: int) -> None:
    """Every other status is final."""
    assert find_failure_rule(classify_status(status)).retry_rule is RetryRule.NEVER


@pytest.mark.parametrize(
    "code", ["maxlag", "readonly", "ratelimited", "internal_api_error_DBQueryError", "internal_api_error_Exception"]
)
def test_temporary_api_errors_are_retried(code: str) -> None:
    """API errors of a wiki that is busy or in maintenance are retried."""
    assert find_failure_rule(classify_api_error(code)).retry_rule is RetryRule.UNTIL_LIMIT


@pytest.mark.parametrize(
    "code",
    ["nosuchrevid", "invalidparammix", "badvalue", "missingparam", "readapidenied", "toomanyvalues", "", "maxlag2"],
)
def test_other_api_errors_are_final(code: str) -> None:
    """API errors about the request are final."""
    assert find_failure_rule(classify_api_error(code)).retry_rule is RetryRule.NEVER


def test_only_an_unknown_revision_is_retried_by_age() -> None:
    """Replica lag is the only failure that is bounded by the event's age and not by the number of attempts."""
    assert [row.kind for row in TABLE if row.retry_rule is RetryRule.WHILE_YOUNG] == [FailureKind.BAD_REVISION]


def test_only_rate_limits_and_overload_slow_requests_down() -> None:
    """Rate limits slow the farm, an overloaded wiki slows itself, and no other failure slows requests."""
    slows = {row.kind: row.slowdown for row in TABLE if row.slowdown is not SlowdownScope.NOTHING}
    assert slows == {
        FailureKind.TOO_MANY_REQUESTS: SlowdownScope.FARM,
        FailureKind.RATE_LIMITED: SlowdownScope.FARM,
        FailureKind.MAXLAG: SlowdownScope.WIKI,
        FailureKind.READ_ONLY: SlowdownScope.WIKI,
        FailureKind.UNAVAILABLE: SlowdownScope.WIKI,
    }
