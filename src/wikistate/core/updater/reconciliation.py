"""Reconciliations as an input: somebody found the store out of step and asks to bring it to a revision."""

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
    """A stream of reconciliations, written ``STREAM`` or ``STREAM[SOURCE]``.

    Attributes:
        stream: Its name.
        source: The only `reconciliation_source` that is acted upon; None for all.
    """

    stream: str
    source: str | None = None

    @classmethod
    def parse(cls, text: str, *, key: str = "") -> ReconcileStream:
        """Read a setting.

        Args:
            text: Its value.
            key: Its dotted path, for the error.

        Raises:
            ConfigError: It is neither.
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
    """The shape of ``rdf_streaming_updater/reconcile``; see `EventFormat`.

    Args:
        domain: Host name of the wiki, as events state it.
        source: The only `reconciliation_source` that is acted upon; None for all.
    """

    def __init__(self, domain: str, source: str | None = None) -> None:
        self._domain = domain
        self._source = source

    def event_time(self, event: Event) -> int | None:
        """When the event was received."""
        return ingestion_time(event)

    def filter_reason(self, event: Event) -> FilterReason | None:
        """By wiki and source."""
        if domain_of(event) != self._domain:
            return FilterReason.WIKI
        if self._source is not None and event.get("reconciliation_source") != self._source:
            return FilterReason.RECONCILIATION_SOURCE
        return None

    def read(self, event: Event, ingested: int) -> Reconcile:
        """See `EventFormat`. Its time is its own `dt`, where it has one."""
        entity = str(parse_page_entity(event["item"]))
        time = read_timestamp(event if "dt" in event else event["meta"])
        action = ReconcileAction(event["reconciliation_action"])
        revision: int = event["revision_id"]
        if action is ReconcileAction.CREATION:
            require_revision(revision)
        return Reconcile(entity, time, revision, ingested, read_origin(event), action)
