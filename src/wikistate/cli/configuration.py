"""``wikistate config``: check, show, schema."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import yaml

from wikistate.cli.exits import Exit
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.config.model import Configuration

if TYPE_CHECKING:
    from pathlib import Path


def check(job: str, files: tuple[Path, ...], assignments: tuple[str, ...]) -> Exit:
    """Loads the configuration and says what is wrong with it.

    Raises:
        ConfigError: It could not be loaded at all.
    """
    loaded = load_configuration(job, CliSettings(files=files, assignments=assignments))
    for warning in loaded.warnings:
        print(f"wikistate: {warning}", file=sys.stderr)  # noqa: T201
    if loaded.warnings:
        return Exit.CONFIG
    print(f"The settings are right. Whether everything answers, says: wikistate run {job} --check")  # noqa: T201
    return Exit.OK


def show(job: str, files: tuple[Path, ...], assignments: tuple[str, ...]) -> Exit:
    """Prints the configuration that would hold.

    Raises:
        ConfigError: It could not be loaded.
    """
    loaded = load_configuration(job, CliSettings(files=files, assignments=assignments))
    for warning in loaded.warnings:
        print(f"wikistate: {warning}", file=sys.stderr)  # noqa: T201
    values = loaded.configuration.model_dump(mode="json")
    print(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), end="")  # noqa: T201
    return Exit.OK


def schema() -> Exit:
    """Prints the JSON Schema."""
    print(json.dumps(Configuration.model_json_schema(), indent=2))  # noqa: T201
    return Exit.OK
