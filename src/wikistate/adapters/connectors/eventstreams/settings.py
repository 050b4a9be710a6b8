"""The settings of a source of server-sent events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.core.enrichment.retry import RetryPolicy

if TYPE_CHECKING:
    from wikistate.adapters.connectors.start_stop import LatestAtStart, Moment

PUBLIC_BASE = "https://stream.wikimedia.org/v2/stream/"
"""Where Wikimedia serves its public streams."""

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStreamsSettings:
    """What is read, and how patiently.

    Attributes:
        streams: Names of streams; one connection carries them all.
        base: URL that the names are appended to.
        since: Where to start when nothing is committed; None for "from now on".
        end: The first time, by the server's timestamps, that is not read any more; None: never end.
        quiet: Seconds without a record before the end, once the end has passed by the clock, after which it has come.
        silence: Seconds without a byte, heartbeats included, after which a connection is taken for dead.
        backoff: Seconds between tries while the server does not answer. Jitter is taken off.
        max_record_bytes: The longest data that is kept whole.
        single_topic: Follow one topic alone of those that several sites fill; then one stream.
        topic: The one to follow; see `SingleTopicPosition`.
    """

    streams: tuple[str, ...]
    base: str = PUBLIC_BASE
    since: Moment | None = None
    end: Moment | LatestAtStart | None = None
    quiet: float = 10.0
    silence: float = 90.0
    backoff: RetryPolicy = RetryPolicy(base_delay=1.0, max_delay=60.0)  # noqa: RUF009  (a frozen value)
    max_record_bytes: int = 64 * _MIB
    single_topic: bool = False
    topic: str = ""
