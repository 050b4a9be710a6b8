"""The settings of the enrichment: the sections `enrich`, `filter` and `custom`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from wikistate.config.base import MIB, Settings


class HttpSession(Settings):
    """The pool of connections to the wikis."""

    pool_maxsize: PositiveInt = 100
    """The maximum number of concurrent connections, all wikis together."""


class RetrySettings(Settings):
    """The number and the delay of retries. The table of failures decides which failures are retried."""

    max_attempts: PositiveInt = 4
    """Requests for one revision before it becomes an error event. Replica lag has its own bound."""

    base_delay: PositiveFloat = 0.5
    """Seconds before the second attempt; doubles with each further one, with jitter."""

    max_delay: PositiveFloat = 30.0
    """Seconds: the upper limit of the doubled delay."""

    max_retry_after: PositiveFloat = 300.0
    """Seconds: a longer `Retry-After` is shortened to this."""

    acceptable_lag: NonNegativeFloat = 15.0
    """Seconds after an event during which a revision that the wiki does not know yet counts as replica lag and is
    requested again. Later it is an error event."""


class WhenRefused(StrEnum):
    """Treatment of the events of a wiki that refuses every request."""

    WAIT = "wait"
    ERROR = "error"


class CircuitBreakerSettings(Settings):
    """The circuit breaker of each wiki: it opens when the wiki refuses every request, and probes whether it answers again."""

    failures: PositiveInt = Field(default=10, le=1_000_000)
    """Revisions or entities that a wiki refuses in a row, in the same way and without a good answer between, before the
    breaker opens. Refusals are 4xx, redirects, other final statuses and API errors, refused logins, and pages that are not
    an answer of the API."""

    first_probe: PositiveFloat = Field(default=1.0, le=86_400)
    """Seconds from the opening to the first request that probes the wiki; doubles with each further one, with jitter."""

    longest_probe: PositiveFloat = Field(default=300.0, le=86_400)
    """Seconds: the upper limit of the doubled time."""

    when_open: WhenRefused = WhenRefused.WAIT
    """`wait`: the events of the wiki wait, so that none is lost. They count as in flight: with many wikis, reading may stop.
    A wiki that has refused everything since the start is waited for some seconds only; then its events fail with its answer.
    `error`: they become error events of the type `CircuitOpen` at once, for a later replay."""


class Enrich(Settings):
    """The enrichment: the application half of the public jobs' files."""

    mediawiki_api_endpoint_template: str = ""
    """The Action API of every allowed wiki: a URL with `{domain}`, or a fixed one (a service mesh), to which the `Host`
    header names the wiki. Empty: `https://{domain}/w/api.php`."""

    ssl_ca_bundle_path: str = ""
    """PEM file of certificate authorities. Empty: the system's."""

    request_timeout: PositiveFloat = 65.0
    """Seconds for one request, from sending to the last byte. Slightly above the timeout of a proxy, so that the proxy
    responds."""

    connect_timeout: PositiveFloat = 10.0
    """Seconds to connect."""

    max_content_size: PositiveInt = 17 * MIB
    """Bytes of all slots of a revision together; a larger one becomes an error event."""

    gzip: bool = True
    """Request compressed responses. Costs some 15 µs of CPU for 10 KB; `false` for a wiki on the same machine or
    network."""

    http_session: HttpSession = HttpSession()
    """The pool of connections."""

    contact: str = ""
    """A way to reach you, an e-mail address or a page: part of the User-Agent. Public wikis limit clients without one."""

    batch_size: PositiveInt = Field(default=50, le=500)
    """Revisions in a request. The Action API accepts 50, or 500 with the right `apihighlimits`."""

    linger: NonNegativeFloat = 0.004
    """Seconds that a partly filled batch waits for more revisions while another request to its wiki is running. Without
    such a request it does not wait."""

    rate: PositiveFloat | None = None
    """Requests a second to each farm for which `farms` sets no rate. Default: 5 for `wikimedia`, no limit for others."""

    latency_bound: NonNegativeFloat = 30.0
    """Seconds that a change may wait while requests are scarce. Until then requests are sent to the wikis with the
    fullest batches, while the batches of the others fill. A change that has waited longer is sent first. Nothing waits
    while requests are available."""

    maxlag: PositiveInt = 5
    """Seconds of database lag above which the wiki is asked to refuse the request. The job then waits, and the wiki
    recovers."""

    retry: RetrySettings = RetrySettings()
    """The retries of failed requests."""

    circuit_breaker: CircuitBreakerSettings = CircuitBreakerSettings()
    """The circuit breaker of each wiki."""

    max_response_bytes: PositiveInt = 64 * MIB
    """Bytes of one response after decompression; reading stops there."""


class FilterSettings(Settings):
    """The events that a job processes, and the fields that it writes. An empty list means everything."""

    wikis: list[str] = []
    """Events of these wikis: database names (`enwiki`) or domains (`en.wikipedia.org`)."""

    namespaces: list[int] = []
    """Events of pages in these namespaces, by number: 0 for articles."""

    kinds: list[str] = []
    """Events of these kinds: `create`, `edit`, `move`, `delete`, `undelete`, `visibility_change`."""

    content_models: list[str] = []
    """Events with a slot of one of these content models, such as `wikitext`. Events that state no model pass."""

    fields: list[str] = []
    """Fields that are written, as dotted paths into the sink's schema: `page.page_title`, all of `revision`,
    `revision.content_slots.*.content_body`. Fields that the schema requires are always written."""


class CustomSettings(Settings):
    """A custom enrichment, for the job `custom`."""

    enrich: str = ""
    """`MODULE:FUNCTION`: an `async def` that takes an event and a context. The current folder is searched first."""

    timeout: PositiveFloat = 300.0
    """Seconds that the function may take for one event; then the event becomes an error event."""

    settings: dict[str, Any] = {}
    """The settings of the function, available as `context.settings`."""
