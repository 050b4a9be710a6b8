"""The example of a file of environments: two jobs in three environments, each with valid settings of its own."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from wikistate.config.model import DeliveryGuarantee
from wikistate.ops.flink_jobs.environments import find_environment, find_job_target, list_jobs, load_environments
from wikistate.ops.flink_jobs.versions import Version, load_version

EXAMPLE = Path(__file__).parents[4] / "examples" / "flink" / "environments.yaml"
ENVIRONMENTS, JOBS = ("eqiad", "codfw", "staging"), ("WDQS", "WCQS")


def test_example_has_both_jobs_in_three_environments() -> None:
    """Each environment has folders of its own."""
    found = load_environments(EXAMPLE)
    assert tuple(found.environments) == ENVIRONMENTS
    assert tuple(found.jobs) == tuple(f"{job} Streaming Updater" for job in JOBS)
    folders = [folder for each in found.environments.values() for folder in (each.savepoints, each.checkpoints)]
    assert len(set(folders)) == 6


@pytest.mark.parametrize(("environment", "job"), list(product(ENVIRONMENTS, JOBS)))
def test_job_of_the_example_is_valid_without_a_warning(environment: str, job: str) -> None:
    """It writes into topics of its environment, exactly once, with its folders in the environment's bucket."""
    target = find_job_target(find_environment(EXAMPLE, environment), job)
    loaded = load_version(target, Version())
    assert not loaded.warnings
    streams = loaded.configuration.stream_manager
    assert streams.job_name == f"{job} Streaming Updater"
    assert streams.sink.options.delivery_guarantee is DeliveryGuarantee.EXACTLY_ONCE
    assert streams.sink.options.kafka_topic_prefix == f"{environment}.{job.lower()}."
    bucket = f"s3://rdf-streaming-updater-{environment}"
    assert loaded.configuration.flink["execution.checkpointing.dir"] == f"{bucket}/checkpoints/{job}-Streaming-Updater"


def test_jobs_of_the_example_share_no_consumer_group() -> None:
    """Two jobs in one group would each read a part of the events."""
    groups = {
        load_version(target, Version()).configuration.stream_manager.source.options.consumer_group
        for name in ENVIRONMENTS
        for target in list_jobs(find_environment(EXAMPLE, name))
    }
    assert len(groups) == 6
