"""The parts that every event passes, each measured separately, in microseconds an event."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from bench.feed import DOMAIN, generate_edits
from bench.figures import Figure
from bench.stage import BODY_BYTES
from wikistate.adapters.mediawiki.action_api import ParsedResponse, parse_revisions
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.core.enrichment.content import Content, with_content
from wikistate.core.enrichment.plan import plan_fetch
from wikistate.core.events.decoder import Decoder
from wikistate.core.events.encoder import Encoder
from wikistate.demo.wikitext import make_filler
from wikistate.errors import InternalError
from wikistate.jobs.page_content_change import NAME
from wikistate.streaming.record import Partition, Record
from wikistate.wiring.streams import read_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.stage import Stage
    from wikistate.core.events.meta import Event

    T = TypeVar("T")
    R = TypeVar("R")

REPEATS = 5
"""Repetitions of each part. The fastest one counts, as the others were disturbed."""

MAX_CONTENT = 17 * 1024 * 1024
BATCH = 50


@dataclass(frozen=True, slots=True)
class Micro:
    """Microseconds an event by the name of the part."""

    body_bytes: int
    parts: dict[str, float]

    def figures(self) -> list[Figure]:
        """See `Result`."""
        return [Figure(name, value, "µs/event") for name, value in self.parts.items()]


async def measure_micro(stage: Stage) -> Micro:
    """Measure all parts with the same events, in the order in which an event passes them."""
    streams = read_streams(load_configuration(NAME, CliSettings()).configuration)
    source, sink = streams.source, streams.sink
    decoder = Decoder(source.schema, keep_unknown=False)
    encoder = Encoder(sink.config, sink.schema, keep_unknown=False, max_bytes=MAX_CONTENT, new_id=str)
    records = [
        Record(edit.value, edit.key, None, Partition("page-change"), offset)
        for offset, edit in enumerate(generate_edits(stage.sizes.micro_events))
    ]
    events = [orjson.loads(record.value or b"") for record in records]
    answers = [_answer(events[start : start + BATCH]) for start in range(0, len(events), BATCH)]
    contents = [_content(parse_revisions(answer, answer["asked"], place=DOMAIN)) for answer in answers]
    pairs = [(event, contents[number // BATCH]) for number, event in enumerate(events)]
    folded = [_folded(pair) for pair in pairs]
    texts = [orjson.dumps(answer) for answer in answers]
    return Micro(
        BODY_BYTES,
        {
            "parse the event's JSON": _timed(orjson.loads, [record.value or b"" for record in records]),
            "decode: parse, filter, validate": _timed(decoder.decode, records),
            "of decode: validate": _timed(source.schema.is_valid, events),
            "message key": _timed(encoder.build_key, events),
            "plan": _timed(plan_fetch, events),
            f"parse the wiki's answer, of {BATCH}": _timed(orjson.loads, texts) / BATCH,
            f"read the wiki's answer, of {BATCH}": _timed(
                lambda answer: parse_revisions(answer, answer["asked"], place=DOMAIN), answers
            )
            / BATCH,
            "fold": _timed(_folded, pairs),
            "encode: stamp, validate, write": _timed(
                lambda event: encoder.encode(event, b"", 1_790_000_000_000), folded
            ),
            "of encode: validate": _timed(sink.schema.is_valid, folded),
            "of encode: write JSON": _timed(orjson.dumps, folded),
        },
    )


def _timed(part: Callable[[T], R], inputs: Sequence[T]) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        for each in inputs:
            part(each)
        best = min(best, time.perf_counter() - began)
    return best / len(inputs) * 1e6


def _folded(pair: tuple[Event, Content]) -> Event:
    folded = with_content(*pair, max_content_size=MAX_CONTENT)
    if isinstance(folded, dict):
        return folded
    raise InternalError(f"Folding of a generated event failed: {folded.detail}.")


def _content(page: object) -> Content:
    """Return the content of one revision of a response; all bodies are the same."""
    content = next(iter(page.results.values())) if isinstance(page, ParsedResponse) else None
    if isinstance(content, Content):
        return content
    raise InternalError("Parsing of a generated response failed.")


def _answer(events: Sequence[Event]) -> dict[str, Any]:
    """Return a response of the Action API with the revisions of these events; ``asked`` has their ids."""
    body = make_filler(BODY_BYTES)
    slot = {"contentmodel": "wikitext", "contentformat": "text/x-wiki", "size": BODY_BYTES, "content": body}
    pages = [
        {
            "pageid": event["page"]["page_id"],
            "revisions": [{"revid": event["revision"]["rev_id"], "slots": {"main": slot}}],
        }
        for event in events
    ]
    return {"asked": [event["revision"]["rev_id"] for event in events], "query": {"pages": pages}}
