"""``wikistate store verify``: the comparison of a store with its wiki, by sample or entity by entity."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from wikistate.cli.execution import run_async
from wikistate.cli.exits import Exit
from wikistate.cli.output import print_line
from wikistate.cli.settings import load_configuration
from wikistate.cli.stores import print_counted
from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.jobs.rdf_sync import NAME
from wikistate.ops.verify.rechecks import compare_entities
from wikistate.ops.verify.sampling import LIST_LIMIT
from wikistate.ops.verify.session import open_verification_session
from wikistate.ops.verify.verifier import DEFAULT_PATIENCE, ERROR_RESULTS, ComparisonResult
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wikistate.cli.settings import CliSettings
    from wikistate.ops.verify.sampling import Sampler
    from wikistate.ops.verify.verifier import ComparedEntity

MAX_UNKNOWN = 10.0
"""Default of the largest share of entities that cannot be compared, in percent. Some revisions are hidden."""

_MAX_SHOWN_TRIPLES = 5
"""Triples of one entity on the screen, missing ones and extra ones each."""


class VerifyRequest(NamedTuple):
    """Arguments of ``wikistate store verify``.

    Attributes:
        entities: The ids to compare; empty for a sample.
        sample: The number of entities in the sample.
        repair: Whether to repair entities that differ from the wiki.
        wait: Seconds for entities that are behind; see `compare_entities` and `Verifier`.
        max_unknown: Largest share of the entities that may not be comparable, in percent.
        list_limit: Largest number of entities that are listed on each side; see `Sampler`.
    """

    entities: tuple[str, ...]
    sample: int
    repair: bool
    wait: float = DEFAULT_PATIENCE
    max_unknown: float = MAX_UNKNOWN
    list_limit: int = LIST_LIMIT


def verify(flags: CliSettings, request: VerifyRequest) -> Exit:
    """Compare, print the differences, and repair them on request.

    Raises:
        WikistateError: The wiki or the store refuses, or a setting is wrong.
    """
    for entity in request.entities:
        parse_page_entity(entity)
    return print_results(run_async(_verify_entities(flags, request)), request)


def print_results(found: Sequence[ComparedEntity], request: VerifyRequest) -> Exit:
    """Print the differences and the numbers of a comparison, and return the exit code."""
    wrong = [each for each in found if each.result in ERROR_RESULTS]
    for each in found:
        if each.result not in (ComparisonResult.IN_STEP, ComparisonResult.BEHIND):
            for line in _format_result(each):
                print_line(line)
    results = Counter(each.result for each in found)
    counts = {result.value: results[result] for result in ComparisonResult if results[result]}
    print_counted(counts, otherwise="Neither the wiki nor the store has any of these.")
    if wrong and request.repair:
        print_line(f"Repaired: {len(wrong)}.")
    unknown = results[ComparisonResult.UNKNOWN]
    too_many = unknown * 100 > request.max_unknown * len(found)
    if too_many:
        _report(f"{unknown:,} of {len(found):,} entities could not be compared, so the store is not verified.")
    return Exit.VERIFICATION_FAILED if (wrong and not request.repair) or too_many else Exit.OK


async def _verify_entities(flags: CliSettings, request: VerifyRequest) -> list[ComparedEntity]:
    configuration = load_configuration(NAME, flags).configuration
    configure_logs(configuration.telemetry)
    # Each run draws another sample, so that daily samples reach every entity some day.
    session = open_verification_session(
        configuration,
        RecordingMeter(),
        random=random.Random(),  # noqa: S311
        patience=request.wait,
        list_limit=request.list_limit,
        repairs=request.repair,
    )
    async with session as both:
        entities = request.entities or await _sample(both.sampler, request.sample)
        if both.completed_until:
            _report(f"The store is complete up to {format_timestamp(both.completed_until)}; later changes are behind.")
        found = await compare_entities(both.verifier, entities, wait=request.wait if both.can_change else 0.0)
        if len(found) < len(entities):
            _report(
                f"{len(found):,} of {len(entities):,} were compared: the others are redirects, or exist on neither side."
            )
        if request.repair:
            await both.verifier.repair(each for each in found if each.result in ERROR_RESULTS)
    return found


async def _sample(sampler: Sampler, count: int) -> Sequence[str]:
    sample = await sampler.sample(count)
    _report(sample.origin)
    if sample.missing or sample.extra:
        _report(f"By the lists of both, the store lacks {sample.missing:,} of them and has {sample.extra:,} more.")
    return sample.entities


def _report(text: str) -> None:
    print_line(text, stderr=True)


def _format_result(verified: ComparedEntity) -> Iterator[str]:
    at = f" (revision {verified.revision})" if verified.revision else ""
    yield f"{verified.entity}{at}: {verified.result}{f': {verified.reason}' if verified.reason else ''}"
    missing, extra = verified.differences
    for sign, triples in (("-", missing), ("+", extra)):
        yield from (f"  {sign} {triple}" for triple in islice(triples, _MAX_SHOWN_TRIPLES))
        if len(triples) > _MAX_SHOWN_TRIPLES:
            yield f"  {sign} and {len(triples) - _MAX_SHOWN_TRIPLES} more"
