"""All targets of the fuzz suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.targets import answers, clusters, conversations, events, files, rdf, streams

if TYPE_CHECKING:
    from tests.fuzz.target import Target

TARGETS: tuple[Target, ...] = (
    *events.TARGETS,
    *rdf.TARGETS,
    *streams.TARGETS,
    *files.TARGETS,
    *answers.TARGETS,
    *clusters.TARGETS,
    *conversations.TARGETS,
)
