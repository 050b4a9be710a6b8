"""Stream descriptors: the name of a stream and the version of its schema."""

from __future__ import annotations

import re
from typing import NamedTuple

from wikistate.errors import ConfigError

LATEST = "latest"
"""The version that stands for the newest version in a schema repository."""

VERSION = re.compile(r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)", re.ASCII)
"""A schema version, ``X.Y.Z``. Match it in full."""

# The characters that Kafka allows in the name of a topic: the topics of a stream are named after the stream.
_STREAM = re.compile(r"[A-Za-z0-9._-]+")


class Descriptor(NamedTuple):
    """Stream with the version of its schema that is read or written: ``mediawiki.page_change.v1:1.7.0``.

    Attributes:
        stream: The name of the stream, without a datacenter prefix.
        version: ``X.Y.Z`` or ``latest``.
    """

    stream: str
    version: str

    @classmethod
    def parse(cls, text: str, *, key: str = "") -> Descriptor:
        """Read ``<stream>:<version>``; both are mandatory.

        Args:
            text: The descriptor as it stands in the settings.
            key: The dotted path of the setting, for the error.

        Raises:
            ConfigError: A part is missing or not well-formed.
        """
        stream, _, version = text.partition(":")
        if _STREAM.fullmatch(stream) and (version == LATEST or VERSION.fullmatch(version)):
            return cls(stream, version)
        raise ConfigError(
            f"{key or 'A stream descriptor'} is {text!r}, not <stream>:<schema version>.",
            hint="Write for example mediawiki.page_change.v1:1.7.0; in place of the version, 'latest' is allowed.",
            key=key,
        )

    def __str__(self) -> str:
        return f"{self.stream}:{self.version}"
