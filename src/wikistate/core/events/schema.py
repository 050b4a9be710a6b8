"""Schema: validates events, describes their violations, and removes the fields that it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from jsonschema_rs import Draft7Validator, FancyRegexOptions

from wikistate.core.events.projection import compile_projection
from wikistate.core.events.schema_size import find_excess
from wikistate.core.events.violations import format_violations
from wikistate.errors import DocumentError

if TYPE_CHECKING:
    from wikistate.core.events.documents import Document
    from wikistate.core.events.meta import Event

_MAX_STEPS = 100_000
"""Steps of one match of a pattern that looks around or refers back: a schema may be from another server, as its events."""


class Schema:
    """Compiled version of a schema. Immutable.

    Attributes:
        title: The title, which streams name as their ``schema_title``.
        version: ``X.Y.Z``; never ``latest``.
        uri: The ``$schema`` of its events: ``/<title>/<version>``.
        document: The materialised JSON schema, draft 7.
    """

    __slots__ = ("_project", "_validator", "document", "title", "uri", "version")

    def __init__(self, document: Document, *, title: str, version: str, origin: str) -> None:
        """Compile a document.

        Args:
            document: The materialised JSON schema.
            title: Its title.
            version: Its version.
            origin: The full URI that it was read from, for errors.

        Raises:
            DocumentError: The document is not a JSON schema, refers to another document, or is too large with its references.
        """
        self.title = title
        self.version = version
        self.uri = f"/{title}/{version}"
        self.document = document
        self._validator = _compile(document, origin)
        self._project = compile_projection(document)

    def __repr__(self) -> str:
        return f"Schema({self.uri})"

    def is_valid(self, event: Event) -> bool:
        """Return whether the event follows the schema, formats included. Never raise."""
        try:
            return self._validator.is_valid(event)
        except ValueError:
            return False  # not JSON: a date, a key that is not a string

    def describe_violations(self, event: Event) -> str:
        """Return a short and bounded text about the violations of an event; empty for a valid event."""
        try:
            return format_violations(self._validator.iter_errors(event), self.document)
        except ValueError as error:
            return f"the event is not JSON: {error}"

    def project(self, event: Event) -> Event:
        """Return the event without the fields that the schema does not know: the same object if there are none.

        Only closed objects lose fields. The result may share parts with the event, which is never changed.
        """
        if self._project is None:
            return event
        projected: Event = self._project(event)
        return projected

    def has_field(self, path: str) -> bool:
        """Return whether the schema declares the field at a dotted path, such as ``page.page_id``. A map has any key."""
        node: Any = self.document
        for name in path.split("."):
            node = node.get("properties", {}).get(name, node.get("additionalProperties"))
            if not isinstance(node, dict):
                return False
        return True


def _compile(document: Document, origin: str) -> Draft7Validator:
    if excess := find_excess(document):
        raise DocumentError(
            f"{origin} is too large to check events with: {excess}.",
            hint="Use a materialised schema: one that is complete in its own file, without references.",
            uri=origin,
        )
    try:
        return Draft7Validator(
            document,
            validate_formats=True,
            retriever=_reject_reference,
            pattern_options=FancyRegexOptions(backtrack_limit=_MAX_STEPS),
        )
    except ValueError as error:
        reason = getattr(error, "message", str(error))
        raise DocumentError(
            f"{origin} is not a draft 7 JSON schema: {reason}.",
            hint="Use a materialised schema: one that is complete in its own file.",
            uri=origin,
        ) from error


def _reject_reference(uri: str) -> NoReturn:
    # The library would fetch it over HTTP.
    raise ValueError(f"it refers to {uri}, and a materialised schema refers to nothing")
