"""Tests of the registry of jobs."""

from __future__ import annotations

import pickle
from importlib import import_module

import pytest

from wikistate.config.model import Configuration
from wikistate.errors import ConfigError
from wikistate.wiring.registry import JOBS, JobKind, JobSpec, find_job, require_stateless


@pytest.mark.parametrize("spec", JOBS, ids=lambda spec: spec.name)
def test_parts_of_each_job_load(spec: JobSpec) -> None:
    """The defaults are valid settings, and the assembly is a function."""
    configuration = Configuration.model_validate(spec.load_defaults())
    assert configuration.stream_manager.job_name in ("", spec.name)
    module, _, function = spec.assembly.partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("spec", JOBS, ids=lambda spec: spec.name)
def test_module_of_each_job_states_its_name(spec: JobSpec) -> None:
    """The name of the registry is the name that the job uses for its consumer group and its error events."""
    assert spec.name == import_module(spec.module).NAME


def test_job_can_be_pickled() -> None:
    """Flink sends it to its workers."""
    for spec in JOBS:
        assert pickle.loads(pickle.dumps(spec)) == spec


def test_unknown_job_suggests_the_nearest_name() -> None:
    """The error lists all jobs."""
    with pytest.raises(ConfigError, match=r"page-content-change.*Did you mean rdf-sync\?"):
        find_job("rdf-sink")


@pytest.mark.parametrize("spec", JOBS, ids=lambda spec: spec.name)
def test_only_stateless_jobs_enrich_events(spec: JobSpec) -> None:
    """A replay and Flink refuse all other jobs."""
    if spec.kind is JobKind.STATELESS:
        require_stateless(spec)
    else:
        with pytest.raises(ConfigError, match="does not enrich events"):
            require_stateless(spec)
