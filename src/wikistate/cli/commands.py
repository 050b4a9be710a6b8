"""The bodies of the small commands: ``config``, ``flink jars``, ``lag`` and ``rdf-bootstrap``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import yaml

from wikistate.cli.execution import run_async
from wikistate.cli.exits import Exit
from wikistate.cli.output import print_document, print_line
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.config.model import Configuration
from wikistate.jobs import rdf_consumer, rdf_updater
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def check_configuration(job: str, files: tuple[Path, ...], assignments: tuple[str, ...]) -> Exit:
    """Load the configuration and print its faults.

    Raises:
        ConfigError: The configuration cannot be loaded at all.
    """
    loaded = load_configuration(job, CliSettings(files=files, assignments=assignments))
    for warning in loaded.warnings:
        print_line(f"wikistate: {warning}", stderr=True)
    if loaded.warnings:
        return Exit.CONFIG
    print_line(f"The configuration is valid. To check the connections: wikistate run {job} --check")
    return Exit.OK


def show_configuration(job: str, files: tuple[Path, ...], assignments: tuple[str, ...]) -> Exit:
    """Print the effective configuration.

    Raises:
        ConfigError: The configuration cannot be loaded.
    """
    loaded = load_configuration(job, CliSettings(files=files, assignments=assignments))
    for warning in loaded.warnings:
        print_line(f"wikistate: {warning}", stderr=True)
    values = loaded.configuration.model_dump(mode="json")
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    if not text.replace("\n", "").isprintable():  # YAML permits marks of writing direction and separators of lines
        text = yaml.safe_dump(values, sort_keys=False)
    print_document(text)
    return Exit.OK


def print_schema() -> Exit:
    """Print the JSON Schema of the configuration."""
    print_document(json.dumps(Configuration.model_json_schema(), indent=2))
    return Exit.OK


def print_jars() -> Exit:
    """Print the path of each jar on a line of its own, the Kafka connector first.

    Raises:
        ConfigError: The environment names a connector that does not exist.
        PartError: The connector cannot be fetched.
    """
    from wikistate.ops.jars import fetch_flink_jars  # noqa: PLC0415  (its client is an extra)

    for path in fetch_flink_jars():
        print_line(path)
    return Exit.OK


def print_lag(flags: CliSettings, max_seconds: float | None, timeout: float) -> Exit:
    """Print the seconds since the newest change that a store is known to hold.

    Args:
        flags: Settings that name the store.
        max_seconds: The lag in seconds above which the exit code is `Exit.LAG_EXCEEDED`; None for no limit.
        timeout: Seconds for each answer of an endpoint.

    Raises:
        WikistateError: The store does not answer, or does not record its freshness.
    """
    from wikistate.ops.store_lag import read_freshness  # noqa: PLC0415  (other commands need no RDF)

    configuration = load_configuration(rdf_consumer.NAME, flags).configuration
    configure_logs(configuration.telemetry)
    settings = configuration.store
    seconds = max(0.0, time.time() - run_async(read_freshness(settings, RecordingMeter(), timeout=timeout)) / 1000)
    print_line(f"{seconds:.0f}")
    return Exit.LAG_EXCEEDED if max_seconds is not None and seconds > max_seconds else Exit.OK


def bootstrap(lists: Sequence[Path], flags: CliSettings) -> Exit:
    """Create the initial state of rdf-updater.

    Args:
        lists: Files with lines ``ENTITY,REVISION``.
        flags: Settings.

    Raises:
        WikistateError: A list is not valid, or a state exists already.
    """
    from wikistate.ops.bootstrap import fill_state  # noqa: PLC0415  (other commands need no RDF)
    from wikistate.wiring.rdf_updater import state_path  # noqa: PLC0415

    configuration = load_configuration(rdf_updater.NAME, flags).configuration
    configure_logs(configuration.telemetry)
    state = state_path(configuration)
    count = fill_state(lists, state)
    print_line(f"{state} holds {count:,} entities.", stderr=True)
    return Exit.OK
