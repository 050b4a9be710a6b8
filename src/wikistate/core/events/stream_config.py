"""Stream configuration: the topics, the schema and the message key of a stream.

The document has the shape of the response to MediaWiki's ``action=streamconfigs``
(MediaWiki: Extension:EventStreamConfig): ``streams``, an object of settings by stream name. A name between slashes is a
regular expression for many streams.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonschema_rs import Draft7Validator, FancyRegexOptions

from wikistate.core.events.violations import format_violations
from wikistate.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.core.events.documents import Document

DEFAULT_TOPIC_PREFIXES = ("eqiad.", "codfw.")
"""The topic prefixes of a stream without the setting ``topic_prefixes``: the datacenters that Wikimedia runs."""

_MAX_STEPS = 100_000
"""Steps of one match of a regular expression that looks around or refers back."""

_STRING_ARRAY = {"type": "array", "items": {"type": "string", "minLength": 1}}

_SETTINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["schema_title"],
    "properties": {
        "schema_title": {"type": "string", "minLength": 1},
        "topics": _STRING_ARRAY,
        "topic_prefixes": _STRING_ARRAY | {"type": ["array", "null"]},
        "message_key_fields": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
        "canary_events_enabled": {"type": "boolean"},
        "destination_event_service": {"type": ["string", "null"]},
    },
}
_SETTINGS_VALIDATOR = Draft7Validator(_SETTINGS_SCHEMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """Settings of one stream, as far as a job needs them.

    Attributes:
        stream: The name, without a datacenter prefix; ``/regex/`` for the settings of many streams.
        schema_title: The title of the only schema that the stream's events may follow.
        topics: The topics of the stream, one for each prefix; ``/regex/`` if the stream is a regular expression.
        topic_prefixes: Prefixes of the topics before the name of the stream; empty for a single topic without prefix.
        message_key_fields: Name in the message key to dotted path in the event; empty for an unkeyed stream.
        canary_events_enabled: Whether canary events are sent through the stream.
        destination_event_service: Service that accepts the stream's events over HTTP; None if there is no such service.
    """

    stream: str
    schema_title: str
    topics: tuple[str, ...]
    topic_prefixes: tuple[str, ...]
    message_key_fields: Mapping[str, str]
    canary_events_enabled: bool = True
    destination_event_service: str | None = None

    def accepts_topic(self, topic: str) -> bool:
        """Return whether the topic belongs to the stream.

        Raises:
            DocumentError: The regular expression of the topics is malformed.
        """
        try:
            return any(topic == own or (is_regex(own) and matches_pattern(own, topic)) for own in self.topics)
        except ValueError as error:
            raise DocumentError(
                f"The topics of the stream {self.stream!r:.200} are not a regular expression, or it is too large: {self.topics!r:.200}.",
                hint="Correct its topics and topic_prefixes in the stream configuration, or name the topics one by one.",
                stream=self.stream,
            ) from error


class StreamConfigs:
    """Settings of many streams. Each is parsed on first use: the settings of an unused stream may be malformed."""

    def __init__(self, streams: Mapping[str, Any], origin: str) -> None:
        self._streams = streams
        self._origin = origin

    @classmethod
    def parse(cls, document: Document, origin: str) -> StreamConfigs:
        """Read a response of ``action=streamconfigs``, or a file of that shape.

        Args:
            document: The parsed document.
            origin: Its URI, for errors.

        Raises:
            DocumentError: The document has no object ``streams``.
        """
        streams = document.get("streams")
        if isinstance(streams, dict):
            return cls(streams, origin)
        raise DocumentError(
            f"{origin} has no object 'streams', but {', '.join(map(repr, list(document)[:5])) or 'nothing'}.",
            hint="It must have the shape of a response of action=streamconfigs: streams, then settings by stream name.",
            uri=origin,
        )

    def get(self, name: str) -> StreamConfig:
        """Return the settings under the stream's name, or else those of the first regular expression that matches it.

        Raises:
            DocumentError: There are no settings for the stream, or they are malformed.
        """
        if name in self._streams:
            return self._read(name)
        for pattern in filter(is_regex, self._streams):
            if self._matches(pattern, name):
                return _expand_regex(self._read(pattern), name)
        near = ", ".join(get_close_matches(name, self._streams)) or "nothing"
        raise DocumentError(
            f"{self._origin} has no stream {name!r}; near it is {near}.",
            hint="Correct the name, or add the stream to the stream configuration.",
            uri=self._origin,
            stream=name,
        )

    def _read(self, name: str) -> StreamConfig:
        settings = self._streams[name]
        if wrong := format_violations(_SETTINGS_VALIDATOR.iter_errors(settings), _SETTINGS_SCHEMA):
            raise DocumentError(
                f"{self._origin} has a malformed stream {name!r}: {wrong}.",
                hint="Correct the settings of this stream.",
                uri=self._origin,
                stream=name,
            )
        prefixes = tuple(settings.get("topic_prefixes", DEFAULT_TOPIC_PREFIXES) or ())
        return StreamConfig(
            stream=name,
            schema_title=settings["schema_title"],
            topics=tuple(settings.get("topics", ())) or _build_topics(name, prefixes),
            topic_prefixes=prefixes,
            message_key_fields=settings.get("message_key_fields", {}),
            canary_events_enabled=settings.get("canary_events_enabled", True),
            destination_event_service=settings.get("destination_event_service"),
        )

    def _matches(self, pattern: str, name: str) -> bool:
        try:
            return matches_pattern(pattern, name)
        except ValueError as error:
            raise DocumentError(
                f"{self._origin} has a stream {pattern!r} that is not a regular expression, or is too large.",
                hint="Correct it, or name the streams one by one.",
                uri=self._origin,
                stream=pattern,
            ) from error


def _expand_regex(config: StreamConfig, name: str) -> StreamConfig:
    """Return settings of many streams for one of them: a regular expression of topics is replaced by the topics."""
    if any(map(is_regex, config.topics)):
        config = replace(config, topics=_build_topics(name, config.topic_prefixes))
    return replace(config, stream=name)


def _build_topics(stream: str, prefixes: tuple[str, ...]) -> tuple[str, ...]:
    if not prefixes:
        return (stream,)
    if is_regex(stream):
        return (f"/^({'|'.join(map(re.escape, prefixes))}){stream[1:-1].removeprefix('^')}/",)
    return tuple(prefix + stream for prefix in prefixes)


def matches_pattern(pattern: str, text: str) -> bool:
    """Return whether a regular expression between slashes matches a part of a text.

    The expression is from another server. It is matched in linear time, or with a bounded number of steps if it looks around
    or refers back; beyond the bound it does not match.

    Raises:
        ValueError: It is not a regular expression, or is too large.
    """
    return _compile(pattern).is_valid(text)


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> Draft7Validator:
    return Draft7Validator({"pattern": pattern[1:-1]}, pattern_options=FancyRegexOptions(backtrack_limit=_MAX_STEPS))


def is_regex(name: str) -> bool:
    """Return whether the name of a stream or topic is a regular expression, that is, stands between slashes."""
    return len(name) > len("//") and name.startswith("/") and name.endswith("/")
