"""The jobs by name: what the command line can run."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.errors import ConfigError
from wikistate.jobs import content_history_reconcile, page_content_change, rdf_consumer, rdf_sync, rdf_updater
from wikistate.jobs.custom import job as custom
from wikistate.wiring.enrichment import (
    assemble_content_history_reconcile,
    assemble_custom,
    assemble_page_content_change,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.pipeline import KeyedPipeline, StatelessPipeline, StorePipeline


class JobSpec(NamedTuple):
    """A job that can be run.

    Attributes:
        name: As the command line says it.
        defaults: Settings that hold unless the operator says otherwise.
        assemble: Makes job and ends out of a configuration; called in the process that runs the job.
    """

    name: str
    defaults: Mapping[str, Any]
    assemble: Callable[[Configuration, Meter], StatelessPipeline]


class KeyedJobSpec(NamedTuple):
    """A job that keeps state. Attributes as of `JobSpec`."""

    name: str
    defaults: Mapping[str, Any]
    assemble: Callable[[Configuration, Meter], KeyedPipeline[Any, Any, Any]]


def _assemble_rdf_updater(configuration: Configuration, meter: Meter) -> KeyedPipeline[Any, Any, Any]:
    from wikistate.wiring.rdf_updater import assemble_rdf_updater  # noqa: PLC0415  (other jobs need no RDF)

    return assemble_rdf_updater(configuration, meter)


def _assemble_rdf_sync(configuration: Configuration, meter: Meter) -> KeyedPipeline[Any, Any, Any]:
    from wikistate.wiring.rdf_sync import assemble_rdf_sync  # noqa: PLC0415  (other jobs need no RDF)

    return assemble_rdf_sync(configuration, meter)


_KEYED_JOBS = {
    entry.name: entry
    for entry in (
        KeyedJobSpec(rdf_updater.NAME, rdf_updater.DEFAULTS, _assemble_rdf_updater),
        KeyedJobSpec(rdf_sync.NAME, rdf_sync.DEFAULTS, _assemble_rdf_sync),
    )
}


class StoreJobSpec(NamedTuple):
    """A job that ends in a store, which keeps the positions. Attributes as of `JobSpec`."""

    name: str
    defaults: Mapping[str, Any]
    assemble: Callable[[Configuration, Meter], StorePipeline]


def _assemble_rdf_consumer(configuration: Configuration, meter: Meter) -> StorePipeline:
    from wikistate.wiring.rdf_consumer import assemble_rdf_consumer  # noqa: PLC0415  (other jobs need no RDF)

    return assemble_rdf_consumer(configuration, meter)


_STORE_JOBS = {rdf_consumer.NAME: StoreJobSpec(rdf_consumer.NAME, rdf_consumer.DEFAULTS, _assemble_rdf_consumer)}

_STATELESS_JOBS = {
    entry.name: entry
    for entry in (
        JobSpec(page_content_change.NAME, page_content_change.DEFAULTS, assemble_page_content_change),
        JobSpec(content_history_reconcile.NAME, content_history_reconcile.DEFAULTS, assemble_content_history_reconcile),
        JobSpec(custom.NAME, custom.DEFAULTS, assemble_custom),
    )
}


def find_job(name: str) -> JobSpec | KeyedJobSpec | StoreJobSpec:
    """The job with this name, whatever it is made of.

    Raises:
        ConfigError: There is none.
    """
    jobs = _STATELESS_JOBS | _KEYED_JOBS | _STORE_JOBS
    if name in jobs:
        return jobs[name]
    nearest = difflib.get_close_matches(name, jobs, n=1, cutoff=0.4)
    advice = f" Did you mean {nearest[0]}?" if nearest else ""
    raise ConfigError(f"There is no job {name!r}; there are: {', '.join(jobs)}.{advice}")


def find_stateless_job(name: str) -> JobSpec:
    """The job with this name that makes events of events.

    Raises:
        ConfigError: There is none.
    """
    entry = find_job(name)
    if isinstance(entry, KeyedJobSpec):
        raise ConfigError(
            f"{name} keeps state and enriches no events.", hint=f"Those that do: {', '.join(_STATELESS_JOBS)}."
        )
    if isinstance(entry, StoreJobSpec):
        raise ConfigError(
            f"{name} ends in a store and makes no events.", hint=f"Those that do: {', '.join(_STATELESS_JOBS)}."
        )
    return entry
