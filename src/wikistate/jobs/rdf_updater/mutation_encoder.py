"""The encoder of mutations: messages of the mutation stream, checked against their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.core.updater.messages import encode_mutation
from wikistate.errors import InternalError
from wikistate.streaming.record import Output, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.events.schema import Schema
    from wikistate.core.updater.message_fields import MessageVersion
    from wikistate.core.updater.mutation import Mutation


class MutationEncoder:
    """Encoder of mutations as messages.

    Args:
        schema: Schema of the messages.
        version: Version of the message format.
        domain: Host name of the wiki.
        clock: Returns seconds since the epoch.
    """

    def __init__(self, schema: Schema, version: MessageVersion, *, domain: str, clock: Callable[[], float]) -> None:
        self._schema = schema
        self._version = version
        self._domain = domain
        self._clock = clock

    def __call__(self, mutation: Mutation) -> list[tuple[str, Output]]:
        """Return the messages of a mutation in order, each with the name of its stream.

        Raises:
            InternalError: A message does not conform to its schema; no message of the mutation may be written.
        """
        now = int(self._clock() * 1000)
        events = encode_mutation(mutation, self._version, domain=self._domain, now=now)
        for event in events:
            if not self._schema.is_valid(event):
                raise InternalError(
                    f"A message about {mutation.entity} does not conform to {self._schema.uri}: "
                    f"{self._schema.describe_violations(event)}",
                    hint="Please report it.",
                )
        return [(mutation.stream, Output(Role.SINK, None, orjson.dumps(event), now)) for event in events]
