"""Which options a job on Flink starts with."""

from __future__ import annotations

import pytest

from wikistate.config.model import DeliveryGuarantee
from wikistate.errors import ConfigError
from wikistate.runners.flink.options import DEFAULTS, build_flink_options

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
def test_checkpoints_align_only_where_nothing_may_be_repeated(guarantee: DeliveryGuarantee, mode: str) -> None:
    """Alignment holds records up, and buys nothing where a repeat is allowed."""
    assert build_flink_options({}, guarantee) == {**DEFAULTS, MODE: mode}


def test_what_the_operator_says_wins_over_everything_of_ours() -> None:
    """Defaults and the mode alike; options that we know nothing of go along."""
    said = {"execution.checkpointing.interval": "1 min", MODE: "AT_LEAST_ONCE", "state.backend.type": "rocksdb"}
    assert build_flink_options(said, EXACTLY_ONCE) == {**DEFAULTS, **said}


def test_nested_keys_are_flattened_and_values_written_as_flink_writes_them() -> None:
    """As YAML reads them: sections, numbers, booleans, lists."""
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
def test_a_value_that_no_option_has_is_the_operators_mistake(wrong: object) -> None:
    """An empty key in YAML is None; the error names the key as it stands in the file."""
    with pytest.raises(ConfigError, match=r"flink\.rest\.port is ") as caught:
        build_flink_options({"rest": {"port": wrong}}, AT_LEAST_ONCE)
    assert caught.value.ids == {"key": "rest.port"}


def test_our_defaults_are_left_as_they_are() -> None:
    """A run must not change what the next one in the same process starts with."""
    before = dict(DEFAULTS)
    build_flink_options({"pipeline.max-parallelism": 4096}, EXACTLY_ONCE)["pipeline.auto-generate-uids"] = "true"
    assert before == DEFAULTS
