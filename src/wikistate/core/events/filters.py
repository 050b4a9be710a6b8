"""Filters: the events that a job processes. The others are dropped and counted under the filter that did not match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wikistate.core.events.rejection import Filtered, FilterReason
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event
    from wikistate.core.events.schema import Schema

_FIELDS = {
    "namespaces": "page.namespace_id",
    "kinds": "page_change_kind",
    "content_models": "revision.content_slots",
}
"""The field of page/change that each filter compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Filter that accepts the events that match each list; an empty list matches everything.

    An event that lacks a field is never dropped because of it: a suppressed page has no content model any more, and
    consumers that follow that model must be notified of the suppression.

    Attributes:
        wikis: Database names (``enwiki``) or domains (``en.wikipedia.org``).
        namespaces: Numbers of namespaces.
        kinds: Values of ``page_change_kind``.
        content_models: Content models; an event matches if one of its slots has one of them.
    """

    wikis: frozenset[str] = frozenset()
    namespaces: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()
    content_models: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether the filter can drop any event."""
        return bool(self.wikis or self.namespaces or self.kinds or self.content_models)

    def check_schema(self, schema: Schema) -> None:
        """Check that events of this schema have the compared fields, before the first event is read.

        Raises:
            ConfigError: The schema lacks a field that the filter compares, or does not know a kind of the filter.
        """
        for name, field in _FIELDS.items():
            if getattr(self, name) and not schema.has_field(field):
                raise ConfigError(
                    f"filter.{name} compares {field}, which events of {schema.uri} do not have.",
                    hint=f"Remove filter.{name}, or read a stream of mediawiki/page/change.",
                    key=f"filter.{name}",
                )
        known = schema.document.get("properties", {}).get("page_change_kind", {}).get("enum", self.kinds)
        if unknown := sorted(self.kinds.difference(known)):
            raise ConfigError(
                f"filter.kinds has {unknown[0]!r}, which is not a kind of change; allowed are: {', '.join(known)}.",
                key="filter.kinds",
            )

    def apply(self, event: Event) -> Filtered | None:
        """Return the reason why the event is dropped, None if it is accepted. The event need not be valid."""
        if self.wikis and not self._matches_wiki(event):
            return _WIKI
        if self.namespaces and not _matches(_nested(event, "page").get("namespace_id"), self.namespaces):
            return _NAMESPACE
        if self.kinds and not _matches(event.get("page_change_kind"), self.kinds):
            return _KIND
        if self.content_models and not self._matches_content_model(event):
            return _CONTENT_MODEL
        return None

    def _matches_wiki(self, event: Event) -> bool:
        names = [name for name in (event.get("wiki_id"), _nested(event, "meta").get("domain")) if isinstance(name, str)]
        return not names or any(name in self.wikis for name in names)

    def _matches_content_model(self, event: Event) -> bool:
        slots = _nested(_nested(event, "revision"), "content_slots").values()
        models = [slot["content_model"] for slot in slots if isinstance(slot, dict) and "content_model" in slot]
        return not models or any(_matches(model, self.content_models) for model in models)


_WIKI = Filtered(FilterReason.WIKI)
_NAMESPACE = Filtered(FilterReason.NAMESPACE)
_KIND = Filtered(FilterReason.KIND)
_CONTENT_MODEL = Filtered(FilterReason.CONTENT_MODEL)


def _nested(event: Event, name: str) -> Event:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _matches(value: Any, wanted: frozenset[Any]) -> bool:
    return not isinstance(value, str | int) or value in wanted
