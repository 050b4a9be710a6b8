"""Results for a record that does not become an event on the sink: filtered, or rejected."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class FilterReason(StrEnum):
    """Reason why a record is dropped without an error. The values are metric labels."""

    CANARY = "canary"
    """A canary event, which shows that the stream is alive (Wikitech, Event Platform: `meta.domain` is `canary`)."""

    TOMBSTONE = "tombstone"
    """A record without a value in a compacted topic: the key was deleted, there is no event."""

    WIKI = "wiki"
    """An event of a wiki that `filter.wikis` does not name."""

    NAMESPACE = "namespace"
    """An event about a page in a namespace that `filter.namespaces` does not name."""

    KIND = "kind"
    """A kind of change that `filter.kinds` does not name."""

    CONTENT_MODEL = "content_model"
    """An event without a slot of a content model that `filter.content_models` names."""

    ENTITY = "entity"
    """An entity whose id `store.entity_filter` does not match."""

    NO_ENTITY = "no_entity"
    """An event about a page that holds no entity, although other pages of its namespace do."""

    RECONCILIATION_SOURCE = "reconciliation_source"
    """A request to reconcile that is meant for another updater."""


class Filtered(NamedTuple):
    """Result for a record that is dropped on purpose."""

    reason: FilterReason


class RejectedEvent(NamedTuple):
    """Result for a record that cannot be processed; it becomes an error event.

    Attributes:
        error_type: The machine-readable kind, a metric label.
        message: The value found, its place and the expected value, for the person who reads the error stream.
        event: The event as far as it could be decoded, for the ids that error events copy.
        stack: Traceback, only for unexpected exceptions.
    """

    error_type: str
    message: str
    event: Mapping[str, Any] | None = None
    stack: str = ""
