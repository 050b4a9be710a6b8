"""Queue of entities that exist on the wiki and could not be fetched: each is compared with the wiki again, at growing intervals.

No event may follow for years, so without it the store would keep the old content of such an entity.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import orjson
import structlog

from wikistate.core.events.fields import quote_value
from wikistate.core.events.integers import MAX_TIME, is_integer
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.errors import InputError, StateError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

log = structlog.get_logger(__name__)

RETRY_PARTITION = Partition("rdf-sync.retry")
"""Partition of the records of entities that are compared again."""

FIRST_DELAY_MS = 30_000
MAX_DELAY_MS = 3_600_000
MAX_ENTITIES = 10_000
"""Most entities in the queue; a wiki with more has a fault of its own, which the log reports."""


class _Retry(NamedTuple):
    """Entity in the queue: its failures, and the time of the next attempt in milliseconds since the epoch."""

    failures: int
    due: int


def _read_retry(entity: str, fields: object) -> _Retry:
    parse_page_entity(entity)
    match fields:
        case [failures, due] if is_integer(failures) and is_integer(due, maximum=MAX_TIME):
            return _Retry(failures, due)
        case _:
            raise ValueError(f"{entity} has {quote_value(fields)}, not a number of failures and a time")


class RetryQueue:
    """Queue of entities. `save` makes it durable.

    Args:
        path: File of the queue; None for a queue that ends with the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._retries: dict[str, _Retry] = {}
        self._next_due = 0
        self._is_saved = True
        self._is_full = False

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the queue of the last run; an empty one without a file.

        Raises:
            StateError: The file cannot be read.
        """
        queue = cls(path)
        try:
            if path.exists():
                queue._retries = {
                    entity: _read_retry(entity, fields) for entity, fields in orjson.loads(path.read_bytes()).items()
                }
        except (OSError, ValueError, TypeError, AttributeError, InputError) as error:
            raise _unusable_file_error(path, error) from error
        return queue

    def __contains__(self, entity: object) -> bool:
        return entity in self._retries

    def add(self, entity: str, now: int) -> None:
        """Note that an entity could not be fetched.

        Args:
            entity: Entity id.
            now: Current time, milliseconds since the epoch.
        """
        known = self._retries.get(entity)
        if known is None and len(self._retries) >= MAX_ENTITIES:
            if not self._is_full:
                log.error("retry_queue_full", entity=entity, entities=MAX_ENTITIES)
            self._is_full = True
            return
        failures = known.failures + 1 if known else 1
        delay = min(MAX_DELAY_MS, FIRST_DELAY_MS << min(failures - 1, 20))
        self._retries[entity] = _Retry(failures, now + delay)
        self._next_due = min(self._next_due, now + delay)
        self._is_saved = False
        log.warning("entity_retry_scheduled", entity=entity, failures=failures, retry_in=delay // 1000)

    def discard(self, entity: str) -> None:
        """Note that the store holds the state of an entity on the wiki."""
        if self._retries.pop(entity, None) is not None:
            self._is_saved = self._is_full = False

    def take_due(self, now: int, limit: int) -> list[str]:
        """Return entities whose time has come. They stay in the queue, with a later time, until `discard`.

        Args:
            now: Current time, milliseconds since the epoch.
            limit: Most entities to return.
        """
        if now < self._next_due:
            return []
        due = [entity for entity, retry in self._retries.items() if retry.due <= now][:limit]
        for entity in due:  # a crash during the attempt must not lose it, and no other poll may return it
            self._retries[entity] = self._retries[entity]._replace(due=now + MAX_DELAY_MS)
        self._next_due = min((retry.due for retry in self._retries.values()), default=now + FIRST_DELAY_MS)
        return due

    def save(self) -> None:
        """Make the queue durable. It blocks: call it on a thread. Raises `StateError`."""
        if self._is_saved or self._path is None:
            return
        content = orjson.dumps({entity: list(retry) for entity, retry in self._retries.items()})
        self._is_saved = True
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            self._is_saved = False
            raise _unusable_file_error(self._path, error) from error


def _unusable_file_error(path: Path, error: Exception) -> StateError:
    return StateError(
        f"{path} cannot be used: {error}.",
        hint="The file names entities to compare with the wiki again. If you remove it, run wikistate store verify.",
        file=str(path),
    )
