"""Reconciliations as an input: requests to bring the store to a revision, after a check has found a difference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.events.meta import domain_of, ingestion_time
from wikistate.core.events.rejection import FilterReason
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.core.updater.input_events import Reconcile, ReconcileAction
from wikistate.core.updater.input_reader import read_origin, read_timestamp, require_revision
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event

_TAGGED = re.compile(r"(?P<stream>[A-Za-z0-9._-]+)(?:\[(?P<source>[^\[\]]+)\])?")


class ReconcileStream(NamedTuple):
    """Stream of reconciliations, written ``STREAM`` or ``STREAM[SOURCE]``.

    Attributes:
        stream: Name of the stream.
        source: The only `reconciliation_source` that is processed; None for all.
    """

    stream: str
    source: str | None = None

    @classmethod
    def parse(cls, text: str, *, key: str = "") -> ReconcileStream:
        """Read a setting.

        Args:
            text: Value of the setting.
            key: Dotted path of the setting, for the error.

        Raises:
            ConfigError: The text has neither form.
        """
        found = _TAGGED.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"{key or 'A stream of reconciliations'} is {text!r}, not <stream> or <stream>[<source>].",
                hint="Write for example rdf-streaming-updater.reconcile[my-check].",
                key=key,
            )
        return cls(*found.groups())


class ReconciliationFormat:
    """Format of ``rdf_streaming_updater/reconcile``; see `EventFormat`.

    Args:
        domain: Host name of the wiki in events.
        source: The only `reconciliation_source` that is processed; None for all.
    """

    time_field = "meta.dt"

    def __init__(self, domain: str, source: str | None = None) -> None:
        self._domain = domain
        self._source = source

    def event_time(self, event: Event) -> int | None:
        """Return the time at which the event was received."""
        return ingestion_time(event)

    def filter_reason(self, event: Event) -> FilterReason | None:
        """Filter by wiki and source."""
        if domain_of(event) != self._domain:
            return FilterReason.WIKI
        if self._source is not None and event.get("reconciliation_source") != self._source:
            return FilterReason.RECONCILIATION_SOURCE
        return None

    def read(self, event: Event, ingested: int) -> Reconcile:
        """See `EventFormat`. The time is the event's `dt` if it has one, else its `meta.dt`."""
        entity = str(parse_page_entity(event["item"]))
        time = read_timestamp(event if "dt" in event else event["meta"])
        action = ReconcileAction(event["reconciliation_action"])
        revision: int = event["revision_id"]
        if action is ReconcileAction.CREATION:
            require_revision(revision)
        return Reconcile(entity, time, revision, ingested, read_origin(event), action)
