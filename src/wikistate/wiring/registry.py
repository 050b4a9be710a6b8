"""The registry of jobs: the command line's help and the reference in the docs are made from it.

A job is declared by the names of its parts, which are imported when the job is used. So ``wikistate --help`` and each job
load their own parts only. A test loads the parts of every job.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.pipeline import KeyedPipeline, Pipeline, StatelessPipeline


class JobKind(StrEnum):
    """The kind of a job's pipeline; see `wikistate.wiring.pipeline`."""

    STATELESS = "stateless"
    KEYED = "keyed"
    STORE = "store"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job that can be run. It can be pickled: Flink builds the pipeline again in its workers.

    Attributes:
        name: The name on the command line.
        summary: One sentence without a full stop, for the help and the docs.
        reads: The input, in words.
        writes: The output, in words.
        kind: The kind of its pipeline.
        module: The module of the job, which holds its default settings as ``DEFAULTS``.
        assembly: The function that builds its pipeline, as ``module:function``.
        writes_store: Whether it writes into a triple store, whose only writer it is: Flink does not run such a job.
    """

    name: str
    summary: str
    reads: str
    writes: str
    kind: JobKind
    module: str
    assembly: str
    writes_store: bool = False

    def load_defaults(self) -> Mapping[str, Any]:
        """Return the settings that hold unless the operator overrides them."""
        defaults: Mapping[str, Any] = import_module(self.module).DEFAULTS
        return defaults

    def assemble(self, configuration: Configuration, meter: Meter) -> Pipeline:
        """Build the pipeline from a configuration, in the process that runs the job.

        Raises:
            ConfigError: A setting is wrong.
            DocumentError: A stream or schema does not exist, or does not have the required form.
            ExternalError: The place of a stream configuration or a schema, or the wiki, does not answer.
        """
        module, _, function = self.assembly.partition(":")
        pipeline: Pipeline = getattr(import_module(module), function)(configuration, meter)
        return pipeline


JOBS: tuple[JobSpec, ...] = (
    JobSpec(
        name="page-content-change",
        summary="Add the content of each changed revision to its event",
        reads="page changes",
        writes="page changes with content",
        kind=JobKind.STATELESS,
        module="wikistate.jobs.page_content_change",
        assembly="wikistate.wiring.enrichment:assemble_page_content_change",
    ),
    JobSpec(
        name="content-history-reconcile",
        summary="Add content and redirect target to events about past revisions",
        reads="events about any revision of a page's history",
        writes="the events with content and redirect target",
        kind=JobKind.STATELESS,
        module="wikistate.jobs.content_history_reconcile",
        assembly="wikistate.wiring.enrichment:assemble_content_history_reconcile",
    ),
    JobSpec(
        name="custom",
        summary="Run your own enrichment, an async function",
        reads="any stream",
        writes="any stream",
        kind=JobKind.STATELESS,
        module="wikistate.jobs.custom.job",
        assembly="wikistate.wiring.enrichment:assemble_custom",
    ),
    JobSpec(
        name="rdf-updater",
        summary="Turn changes of a Wikibase's entities into RDF mutations",
        reads="page changes and reconcile events of a Wikibase",
        writes="mutation streams, side outputs",
        kind=JobKind.KEYED,
        module="wikistate.jobs.rdf_updater",
        assembly="wikistate.wiring.rdf_updater:assemble_rdf_updater",
    ),
    JobSpec(
        name="rdf-consumer",
        summary="Apply RDF mutations to a triple store",
        reads="a mutation stream",
        writes="a triple store",
        kind=JobKind.STORE,
        module="wikistate.jobs.rdf_consumer",
        assembly="wikistate.wiring.rdf_consumer:assemble_rdf_consumer",
        writes_store=True,
    ),
    JobSpec(
        name="rdf-sync",
        summary="Fill a triple store from a Wikibase and keep it up to date, without Kafka",
        reads="changes of a Wikibase",
        writes="a triple store",
        kind=JobKind.KEYED,
        module="wikistate.jobs.rdf_sync",
        assembly="wikistate.wiring.rdf_sync:assemble_rdf_sync",
        writes_store=True,
    ),
)
"""All jobs. A new job is a module in `jobs`, its assembly in `wiring`, and an entry here."""

_BY_NAME = {spec.name: spec for spec in JOBS}


def find_job(name: str) -> JobSpec:
    """Return the job with a name.

    Raises:
        ConfigError: No job has this name.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    nearest = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.4)
    advice = f" Did you mean {nearest[0]}?" if nearest else ""
    raise ConfigError(f"There is no job {name!r}; the jobs are: {', '.join(_BY_NAME)}.{advice}")


def require_stateless(spec: JobSpec) -> None:
    """Check that a job enriches events and keeps no state.

    Raises:
        ConfigError: The job is of another kind.
    """
    if spec.kind is JobKind.STATELESS:
        return
    stateless = ", ".join(each.name for each in JOBS if each.kind is JobKind.STATELESS)
    reason = "writes into a store" if spec.kind is JobKind.STORE else "keeps state"
    raise ConfigError(f"{spec.name} {reason} and does not enrich events.", hint=f"Jobs that do: {stateless}.")


def assemble_stateless(spec: JobSpec, configuration: Configuration, meter: Meter) -> StatelessPipeline:
    """Build the pipeline of a job that enriches events.

    Raises:
        ConfigError: The job is of another kind; also the errors of `JobSpec.assemble`.
    """
    from wikistate.wiring.pipeline import StatelessPipeline  # noqa: PLC0415  (its module loads with the first job)

    require_stateless(spec)
    pipeline = spec.assemble(configuration, meter)
    if not isinstance(pipeline, StatelessPipeline):
        raise TypeError(f"{spec.name} is declared stateless and is not.")
    return pipeline


def assemble_keyed(spec: JobSpec, configuration: Configuration, meter: Meter) -> KeyedPipeline[Any, Any, Any]:
    """Build the pipeline of a job that keeps state and writes streams.

    Raises:
        ConfigError: See `JobSpec.assemble`.
    """
    from wikistate.wiring.pipeline import KeyedPipeline  # noqa: PLC0415  (its module loads with the first job)

    pipeline = spec.assemble(configuration, meter)
    if not isinstance(pipeline, KeyedPipeline):
        raise TypeError(f"{spec.name} is declared keyed and is not.")
    return pipeline
