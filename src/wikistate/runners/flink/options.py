"""The options of Flink for a job: the defaults of wikistate, overridden by the section ``flink`` of the settings.

Pure. Sources: Apache Flink documentation, "Configuration" and "Python Configuration".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.adapters.secrets import resolve_properties
from wikistate.config.model import DeliveryGuarantee
from wikistate.errors import ConfigError
from wikistate.secret import Secret, reveal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

DEFAULTS = {
    # Every operator has a fixed uid, so that a savepoint fits the next version; with this, Flink checks that.
    "pipeline.auto-generate-uids": "false",
    # Savepoints hold it: a change loses them. It bounds the parallelism to which a job can be rescaled.
    "pipeline.max-parallelism": "128",
    "execution.checkpointing.interval": "10 s",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    # Events in flight are finished at the end of each bundle, and no record is passed meanwhile, so a bundle must be
    # at least twice the events in flight. But a checkpoint waits for the bundle: for at most this many events.
    "python.fn-execution.bundle.size": "5000",
    "python.fn-execution.bundle.time": "1000",
}


CLUSTER_DEFAULTS = {
    # A rate of failures that is allowed is used up by a short outage at night, and the job is down until the morning.
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "10 s",
    "restart-strategy.exponential-delay.max-backoff": "2 min",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "10 min",
    "restart-strategy.exponential-delay.jitter-factor": "0.1",
    # One may turn out to be unreadable, or be removed by hand.
    "execution.checkpointing.num-retained": "3",
}
"""Defaults of a job on a given cluster. A job restarts without a limit: only an operator can mend some causes."""

CHECKPOINT_FOLDER = "execution.checkpointing.dir"
_OLD_CHECKPOINT_FOLDER = "state.checkpoints.dir"


def build_cluster_options(
    flink: Mapping[str, Any], guarantee: DeliveryGuarantee, *, already_set: AbstractSet[str]
) -> dict[str, str]:
    """Return the options of Flink for a job on a given cluster. Arguments as for `build_flink_options`.

    Raises:
        ConfigError: As `build_flink_options`; or exactly once without a folder for checkpoints: after the end of the JobManager
            the job would begin again, and write everything twice.
    """
    options = build_flink_options(flink, guarantee, already_set=already_set)
    options = {key: value for key, value in CLUSTER_DEFAULTS.items() if key not in already_set} | options
    has_folder = {CHECKPOINT_FOLDER, _OLD_CHECKPOINT_FOLDER} & (options.keys() | already_set)
    if guarantee is DeliveryGuarantee.EXACTLY_ONCE and not has_folder:
        raise ConfigError(
            f"EXACTLY_ONCE on a cluster needs a folder for checkpoints, and flink.{CHECKPOINT_FOLDER} is missing.",
            hint="Set it to a folder that JobManager and TaskManagers share, for example s3://bucket/checkpoints.",
            key=f"flink.{CHECKPOINT_FOLDER}",
        )
    return options


def build_flink_options(
    flink: Mapping[str, Any], guarantee: DeliveryGuarantee, *, already_set: AbstractSet[str] = frozenset()
) -> dict[str, str]:
    """Return the options of Flink.

    Args:
        flink: The section ``flink`` of the configuration; nested keys are joined with dots.
        guarantee: The delivery guarantee.
        already_set: Options that the cluster or ``flink run -D`` has set; the defaults do not override them.

    Raises:
        ConfigError: An option is not a text, number, boolean or list, or a secret cannot be read.
    """
    exactly = guarantee is DeliveryGuarantee.EXACTLY_ONCE
    mode = {"execution.checkpointing.mode": "EXACTLY_ONCE" if exactly else "AT_LEAST_ONCE"}
    defaults = {key: value for key, value in (DEFAULTS | mode).items() if key not in already_set}
    stated = resolve_properties(dict(_flatten(flink, "")), key="flink")
    return defaults | {name: reveal(value) for name, value in stated.items()}


def _flatten(section: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str | Secret]]:
    for name, value in section.items():
        key = f"{prefix}{name}"
        match value:
            case dict():
                yield from _flatten(value, f"{key}.")
            case Secret():
                yield key, value
            case bool():
                yield key, str(value).lower()
            case str() | int() | float():
                yield key, str(value)
            case list():
                yield key, ";".join(map(str, value))  # the form of lists in Flink
            case _:
                raise ConfigError(f"flink.{key} is {value!r}; Flink's options are text, numbers and booleans.", key=key)
