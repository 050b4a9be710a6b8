"""The options with which a job on Flink starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.config.model import Configuration, DeliveryGuarantee
from wikistate.errors import ConfigError
from wikistate.runners.flink.options import (
    CHECKPOINT_FOLDER,
    CLUSTER_DEFAULTS,
    DEFAULTS,
    build_cluster_options,
    build_flink_options,
)
from wikistate.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

AT_LEAST_ONCE, EXACTLY_ONCE, NONE = (
    DeliveryGuarantee.AT_LEAST_ONCE,
    DeliveryGuarantee.EXACTLY_ONCE,
    DeliveryGuarantee.NONE,
)
MODE = "execution.checkpointing.mode"


@pytest.mark.parametrize(
    ("guarantee", "mode"),
    [(EXACTLY_ONCE, "EXACTLY_ONCE"), (AT_LEAST_ONCE, "AT_LEAST_ONCE"), (NONE, "AT_LEAST_ONCE")],
)
def test_checkpoints_align_only_for_exactly_once(guarantee: DeliveryGuarantee, mode: str) -> None:
    """Alignment delays records, and has no benefit if a repeat is allowed."""
    assert build_flink_options({}, guarantee) == {**DEFAULTS, MODE: mode}


def test_options_of_the_operator_have_precedence() -> None:
    """Over the defaults and the mode; unknown options are passed to Flink."""
    chosen = {"execution.checkpointing.interval": "1 min", MODE: "AT_LEAST_ONCE", "state.backend.type": "rocksdb"}
    assert build_flink_options(chosen, EXACTLY_ONCE) == {**DEFAULTS, **chosen}


def test_secrets_of_flink_come_from_the_settings_or_a_file(tmp_path: Path) -> None:
    """Only the builder of the job gets the text; the settings show three asterisks."""
    (tmp_path / "key").write_text("hunter2-hunter2\n")
    stated = {"s3": {"access-key": "hunter1-hunter1", "secret-key_file": str(tmp_path / "key")}}
    configuration = Configuration.model_validate({"flink": stated})
    assert "hunter" not in f"{configuration!r} {configuration.flink} {configuration.model_dump_json()}"
    options = build_flink_options(configuration.flink, AT_LEAST_ONCE)
    assert (options["s3.access-key"], options["s3.secret-key"]) == ("hunter1-hunter1", "hunter2-hunter2")
    with pytest.raises(ConfigError, match=r"flink\.s3\.secret-key is stated twice"):
        build_flink_options({"s3.secret-key": Secret("x"), "s3.secret-key_env": "Y"}, AT_LEAST_ONCE)


def test_nested_keys_are_flattened_and_values_have_the_form_of_flink() -> None:
    """Sections, numbers, booleans and lists of YAML."""
    nested = {
        "execution": {"checkpointing": {"interval": "5 s", "unaligned": {"enabled": True}}},
        "parallelism.default": 4,
        "taskmanager": {"memory.managed.fraction": 0.25},
        "pipeline": {"jars": ["file:///a.jar", "file:///b.jar"]},
        "python.metric.enabled": False,
    }
    options = build_flink_options(nested, AT_LEAST_ONCE)
    assert {key: options[key] for key in options.keys() - (DEFAULTS.keys() - {"execution.checkpointing.interval"})} == {
        MODE: "AT_LEAST_ONCE",
        "execution.checkpointing.interval": "5 s",
        "execution.checkpointing.unaligned.enabled": "true",
        "parallelism.default": "4",
        "taskmanager.memory.managed.fraction": "0.25",
        "pipeline.jars": "file:///a.jar;file:///b.jar",
        "python.metric.enabled": "false",
    }


@pytest.mark.parametrize("wrong", [None, b"bytes"], ids=repr)
def test_value_of_another_type_is_a_configuration_error(wrong: object) -> None:
    """An empty key in YAML is None; the error names the key as it is in the file."""
    with pytest.raises(ConfigError, match=r"flink\.rest\.port is ") as caught:
        build_flink_options({"rest": {"port": wrong}}, AT_LEAST_ONCE)
    assert caught.value.ids == {"key": "rest.port"}


def test_defaults_do_not_change() -> None:
    """A run must not change the options of the next run in the same process."""
    before = dict(DEFAULTS)
    build_flink_options({"pipeline.max-parallelism": 4096}, EXACTLY_ONCE)["pipeline.auto-generate-uids"] = "true"
    assert before == DEFAULTS


def test_job_on_a_cluster_restarts_without_a_limit() -> None:
    """Unless the cluster, `flink run -D` or the configuration says otherwise."""
    options = build_cluster_options({}, AT_LEAST_ONCE, already_set=frozenset())
    assert options == {**CLUSTER_DEFAULTS, **DEFAULTS, MODE: "AT_LEAST_ONCE"}
    strategy = "restart-strategy.type"
    assert build_cluster_options({strategy: "none"}, AT_LEAST_ONCE, already_set=frozenset())[strategy] == "none"
    assert strategy not in build_cluster_options({}, AT_LEAST_ONCE, already_set={strategy})


@pytest.mark.parametrize("set_by_cluster", [True, False])
def test_exactly_once_on_a_cluster_needs_a_folder_for_checkpoints(*, set_by_cluster: bool) -> None:
    """Without one, a new JobManager would know no position."""
    with pytest.raises(ConfigError, match=r"flink\.execution\.checkpointing\.dir is missing"):
        build_cluster_options({}, EXACTLY_ONCE, already_set=frozenset())
    stated = {} if set_by_cluster else {CHECKPOINT_FOLDER: "s3://bucket/checkpoints"}
    already_set = {CHECKPOINT_FOLDER} if set_by_cluster else set()
    assert build_cluster_options(stated, EXACTLY_ONCE, already_set=already_set)[MODE] == "EXACTLY_ONCE"
