"""A version of a job: its package and its settings, which are checked before anything is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wikistate.config.layers import Layer, read_file
from wikistate.config.load import LoadedConfiguration, load
from wikistate.ops.flink_jobs.environments import as_settings
from wikistate.ops.flink_jobs.packages import check_package
from wikistate.ops.flink_jobs.submission import find_flink
from wikistate.wiring.registry import find_job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.ops.flink_jobs.environments import JobTarget


@dataclass(frozen=True, slots=True)
class Version:
    """The version of a job to start.

    Attributes:
        package: Package or archive; None for the installed version.
        options_file: Configuration file; None for those of the file of environments alone.
    """

    package: Path | None = None
    options_file: Path | None = None


def list_layers(target: JobTarget, version: Version) -> list[Path | Mapping[str, Any]]:
    """Return the configuration files of a version and the settings between them; later ones override earlier ones.

    The files of the file of environments come first, then its settings, then the options file. The name and the folders of
    the job override all of them.
    """
    stated = [target.settings.settings] if target.settings.settings else []
    options = [version.options_file] if version.options_file is not None else []
    return [*target.configuration, *stated, *options, as_settings(target)]


def load_version(target: JobTarget, version: Version) -> LoadedConfiguration:
    """Return the configuration with which a version runs.

    Raises:
        ConfigError: A file cannot be read, or a setting is wrong.
    """
    defaults = Layer(dict(find_job(target.settings.run).load_defaults()))
    layers = [read_file(each) if isinstance(each, Path) else Layer(dict(each)) for each in list_layers(target, version)]
    return load([defaults, *layers])


def check_version(target: JobTarget, version: Version) -> tuple[str, ...]:
    """Check the package and the settings of a version, and return warnings about unknown settings.

    Raises:
        ConfigError: A file does not exist, or a setting is wrong.
    """
    if version.package is not None:
        check_package(version.package)
    find_flink(target.environment.settings)
    return load_version(target, version).warnings
