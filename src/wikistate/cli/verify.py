"""``wikistate store verify``: the comparison of a store with its wiki, by sample or entity by entity."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console

from wikistate.cli.execution import run_async
from wikistate.cli.exits import Exit
from wikistate.cli.settings import load_configuration
from wikistate.cli.stores import format_counts
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.jobs.rdf_sync import NAME
from wikistate.ops.verify.session import open_verification_session
from wikistate.ops.verify.verifier import ERROR_RESULTS, ComparisonResult
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.cli.settings import CliSettings
    from wikistate.ops.verify.verifier import ComparedEntity

_MAX_SHOWN_TRIPLES = 5
"""Triples of one entity on the screen, missing ones and extra ones each."""


class VerifyRequest(NamedTuple):
    """Arguments of ``wikistate store verify``.

    Attributes:
        entities: The ids to compare; empty for a sample.
        sample: The number of entities in the sample.
        repair: Whether to repair entities that differ from the wiki.
    """

    entities: tuple[str, ...]
    sample: int
    repair: bool


def verify(flags: CliSettings, request: VerifyRequest) -> Exit:
    """Compare, print the differences, and repair them on request.

    Raises:
        WikistateError: The wiki or the store refuses, or a setting is wrong.
    """
    for entity in request.entities:
        parse_page_entity(entity)
    found = run_async(_verify_entities(flags, request))
    wrong = [each for each in found if each.result in ERROR_RESULTS]
    console = Console(soft_wrap=True, highlight=False)
    for each in found:
        if each.result not in (ComparisonResult.IN_STEP, ComparisonResult.BEHIND):
            console.print("\n".join(_format_result(each)), markup=False)
    results = Counter(each.result for each in found)
    counts = {result.value: results[result] for result in ComparisonResult if results[result]}
    console.print(format_counts(counts) if counts else "Neither the wiki nor the store has any of these.")
    if wrong and request.repair:
        console.print(f"Repaired: {len(wrong)}.")
    return Exit.VERIFICATION_FAILED if wrong and not request.repair else Exit.OK


async def _verify_entities(flags: CliSettings, request: VerifyRequest) -> list[ComparedEntity]:
    configuration = load_configuration(NAME, flags).configuration
    async with open_verification_session(configuration, RecordingMeter()) as both:
        # Each run draws another sample, so that daily samples reach every entity some day.
        entities = request.entities or await both.sample(request.sample, random.Random())  # noqa: S311
        found = [verified for entity in entities if (verified := await both.verifier.compare(entity)) is not None]
        if request.repair:
            await both.verifier.repair(each for each in found if each.result in ERROR_RESULTS)
    return found


def _format_result(verified: ComparedEntity) -> Iterator[str]:
    at = f" (revision {verified.revision})" if verified.revision else ""
    yield f"{verified.entity}{at}: {verified.result}{f': {verified.reason}' if verified.reason else ''}"
    missing, extra = verified.differences
    for sign, triples in (("-", missing), ("+", extra)):
        yield from (f"  {sign} {triple}" for triple in islice(triples, _MAX_SHOWN_TRIPLES))
        if len(triples) > _MAX_SHOWN_TRIPLES:
            yield f"  {sign} and {len(triples) - _MAX_SHOWN_TRIPLES} more"
