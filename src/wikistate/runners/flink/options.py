"""The options that a job starts with, under Flink's own names: ours, and over them what ``flink:`` says.

Pure. Sources: Apache Flink documentation, "Configuration" and "Python Configuration".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.config.model import DeliveryGuarantee
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

DEFAULTS = {
    # Every operator has a uid of ours, so that a savepoint fits the next version; with this, Flink checks that.
    "pipeline.auto-generate-uids": "false",
    # Savepoints hold it: it can never be changed without losing them, and bounds how far a job can be rescaled.
    "pipeline.max-parallelism": "128",
    "execution.checkpointing.interval": "10 s",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    # All that is in flight is finished at the end of each bundle and nothing is fed meanwhile, so a bundle must be
    # at least twice what is in flight at once. But a checkpoint waits for the bundle: this many events at the most.
    "python.fn-execution.bundle.size": "5000",
    "python.fn-execution.bundle.time": "1000",
}


def build_flink_options(
    flink: Mapping[str, Any], guarantee: DeliveryGuarantee, *, already_set: AbstractSet[str] = frozenset()
) -> dict[str, str]:
    """Flink's options.

    Args:
        flink: The section ``flink`` of the configuration; nested keys are joined with dots.
        guarantee: What a crash may do to the output.
        already_set: What the cluster or ``flink run -D`` has set already: our defaults leave it as it is.

    Raises:
        ConfigError: An option is neither text, number nor boolean.
    """
    exactly = guarantee is DeliveryGuarantee.EXACTLY_ONCE
    mode = {"execution.checkpointing.mode": "EXACTLY_ONCE" if exactly else "AT_LEAST_ONCE"}
    defaults = {key: value for key, value in (DEFAULTS | mode).items() if key not in already_set}
    return defaults | dict(_flatten(flink, ""))


def _flatten(section: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in section.items():
        key = f"{prefix}{name}"
        match value:
            case dict():
                yield from _flatten(value, f"{key}.")
            case bool():
                yield key, str(value).lower()
            case str() | int() | float():
                yield key, str(value)
            case list():
                yield key, ";".join(map(str, value))  # as Flink writes lists
            case _:
                raise ConfigError(f"flink.{key} is {value!r}; Flink's options are text, numbers and booleans.", key=key)
