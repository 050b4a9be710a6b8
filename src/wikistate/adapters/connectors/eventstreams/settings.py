"""The settings of a source of server-sent events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wikistate.core.enrichment.retry import RetryPolicy

if TYPE_CHECKING:
    from wikistate.adapters.connectors.start_stop import LatestAtStart, Moment
    from wikistate.adapters.http.credentials import Credential

PUBLIC_BASE = "https://stream.wikimedia.org/v2/stream/"
"""The URL of the public streams of Wikimedia."""

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStreamsSettings:
    """The streams to read, and the timeouts of connections.

    Attributes:
        streams: Names of streams; one connection carries them all.
        base: URL that the names are appended to.
        since: The start without a committed position; None for "from now on".
        end: The end by the timestamps of the server, exclusive; None: never.
        quiet: Seconds without a record after which the source ends, once the clock has passed `end`.
        silence: Seconds without a byte, heartbeats included, after which a connection counts as dead.
        backoff: Seconds between attempts while the server does not respond, reduced by jitter.
        reconnect_limit: Seconds during which a failed or odd answer at a reconnect is followed by another attempt; None: no
            limit.
        max_record_bytes: The longest data that is kept as a whole.
        single_topic: Whether one topic is followed of several that hold the same changes; requires one stream.
        topic: The topic to follow; see `SingleTopicPosition`.
        credential: Sent with each request.
    """

    streams: tuple[str, ...]
    base: str = PUBLIC_BASE
    since: Moment | None = None
    end: Moment | LatestAtStart | None = None
    quiet: float = 10.0
    silence: float = 90.0
    backoff: RetryPolicy = RetryPolicy(base_delay=1.0, max_delay=60.0)  # noqa: RUF009  (a frozen value)
    reconnect_limit: float | None = None
    max_record_bytes: int = 64 * _MIB
    single_topic: bool = False
    topic: str = ""
    credential: Credential | None = field(default=None, repr=False)
