"""What is said of a record that does not become an event on the sink: dropped on purpose, or refused."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class FilterReason(StrEnum):
    """Why a record is dropped without being an error. The names are metric labels."""

    CANARY = "canary"
    """A synthetic event that shows that the stream flows (Wikitech, Event Platform: `meta.domain` is `canary`)."""

    TOMBSTONE = "tombstone"
    """A null value in a compacted topic: the key was deleted, there is no event."""

    WIKI = "wiki"
    """Of a wiki that `filter.wikis` does not name."""

    NAMESPACE = "namespace"
    """Of a page in a namespace that `filter.namespaces` does not name."""

    KIND = "kind"
    """A kind of change that `filter.kinds` does not name."""

    CONTENT_MODEL = "content_model"
    """No slot has a content model that `filter.content_models` names."""

    ENTITY = "entity"
    """An entity whose id `store.entity_filter` does not match."""

    NO_ENTITY = "no_entity"
    """Of a page that holds no entity, though others of its namespace do."""

    RECONCILIATION_SOURCE = "reconciliation_source"
    """A reconciliation that somebody else is to act upon."""


class Filtered(NamedTuple):
    """Dropped on purpose."""

    reason: FilterReason


class RejectedEvent(NamedTuple):
    """Not processed; becomes an error event.

    Attributes:
        error_type: The machine-readable kind, a metric label.
        message: What was found, where, and what was expected, for the person who reads the error stream.
        event: The event as far as it could be decoded, for the ids that error events copy.
        stack: Traceback, only for what we did not foresee.
    """

    error_type: str
    message: str
    event: Mapping[str, Any] | None = None
    stack: str = ""
