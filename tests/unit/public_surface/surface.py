"""The public surface of the current code as plain data, found through the entry points that users have.

This is the one file here that imports the package, and its head names every internal that it needs.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import sys
from enum import Enum, EnumType
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

import typer
import yaml
from tests.unit.public_surface.schema import configuration_keys, flatten
from typer.main import get_command
from typer.testing import CliRunner

import wikistate
import wikistate.custom
import wikistate.testing
from wikistate.cli.exits import Exit
from wikistate.errors import ConfigError
from wikistate.telemetry.metrics import ALL_METRICS as METRICS
from wikistate.wiring.connectors import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOBS = ("page-content-change", "content-history-reconcile", "custom", "rdf-updater", "rdf-consumer", "rdf-sync")

URLS = {
    "source": {
        "kafka": "kafka://host:9093,other:9093/topic,second?group=job&start=earliest&end=latest",
        "kafka from a time": "kafka://host:9093/topic?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z",
        "kafka from committed offsets": "kafka://host:9093/topic?start=committed",
        "file": "file:events.ndjson.zst",
        "path": "events.ndjson",
        "standard stream": "-",
        "eventstreams": "eventstreams:mediawiki.page_change.v1?since=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z&base=https://host/v2/stream/",
        "recentchanges": "recentchanges:https://my.wiki/w/api.php?since=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z",
    },
    "sink": {
        "kafka": "kafka://host:9093/topic",
        "file": "file:out/events.ndjson.gz",
        "path": "out/events.ndjson",
        "standard stream": "-",
        "parquet": "parquet:out",
    },
}
"""An example of each form of a connector URL."""

TESTING_MODULES = ("demo.corpus", "demo.events", "demo.pages", "testing.enrichment", "testing.wiki", "testing.wikibase")
"""Modules of the test kit that the documentation names; those of `wikistate.demo` make sample data."""

TESTING_FUNCTIONS = (("demo.corpus", "compose"), ("testing.enrichment", "run_enrichment"))
"""Functions of these modules that the documentation shows a call of."""


def find_app() -> typer.Typer:
    """Return the typer application behind the console script."""
    (script,) = entry_points(group="console_scripts", name="wikistate")
    module = sys.modules[script.load().__module__]
    (app,) = (
        value for value in vars(module).values() if isinstance(value, typer.Typer) and value.info.name == "wikistate"
    )
    return app


def read_commands() -> dict[str, Any]:
    """Return each command with its options by their first long name, and its arguments by their place."""
    return dict(_walk_commands(get_command(find_app()), "wikistate"))


def _walk_commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    shown = [parameter for parameter in command.params if parameter.name != "help"]
    options = [parameter for parameter in shown if parameter.param_type_name == "option"]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    yield (
        path,
        {
            "options": {option.opts[0]: _describe_parameter(option) for option in options},
            "arguments": {str(place): _describe_parameter(argument) for place, argument in enumerate(arguments, 1)},
        },
    )
    for name, inner in getattr(command, "commands", {}).items():
        yield from _walk_commands(inner, f"{path} {name}")


def _describe_parameter(parameter: Any) -> dict[str, Any]:
    kind = parameter.type_descriptor.annotation
    is_choice = isinstance(kind, EnumType)
    described = {
        "type": "choice" if is_choice else str(kind) if get_origin(kind) else kind.__name__,
        "choices": [member.value for member in kind] if is_choice else [],
        "bounds": [parameter.min, parameter.max],
        "default": _plain(parameter.default),
        "required": parameter.required,
        "number of values": parameter.nargs,
    }
    if parameter.param_type_name == "option":
        described |= {
            "names": [*parameter.opts, *parameter.secondary_opts],
            "repeatable": parameter.multiple,
            "is flag": parameter.is_flag,
        }
    return described


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def run_command(*words: str) -> str:
    """Return the standard output of a command that succeeds.

    Raises:
        AssertionError: It exits with another code than 0.
    """
    result = CliRunner().invoke(find_app(), list(words))
    if result.exit_code != 0:
        raise AssertionError(f"wikistate {' '.join(words)} exits with {result.exit_code}: {result.output}")
    return result.stdout


def read_configuration() -> dict[str, Any]:
    """Return each configuration key with its types, default and bounds, as ``wikistate config schema`` prints them."""
    return configuration_keys(json.loads(run_command("config", "schema")))


def read_job_settings() -> dict[str, Any]:
    """Return the settings of each job without a configuration, as ``wikistate config show`` prints them."""
    return {job: flatten(yaml.safe_load(run_command("config", "show", "--job", job))) for job in JOBS}


def read_metrics() -> dict[str, Any]:
    """Return each declared metric with its type, unit and labels."""
    return {
        metric.name: {"type": type(metric).__name__.lower(), "unit": metric.unit, "labels": list(metric.labels)}
        for metric in METRICS
    }


def read_streams() -> dict[str, Any]:
    """Return the bundled streams with their topics, schema and message key, and the names of all other bundled files."""
    package = Path(wikistate.__file__).parent
    (streams,) = package.rglob("bundled/streams.yaml")
    schemas = streams.parent / "jsonschema"
    return {
        "streams": {
            name: {key: stream.get(key) for key in ("topics", "schema_title", "message_key_fields")}
            for name, stream in yaml.safe_load(streams.read_text(encoding="utf-8"))["streams"].items()
        },
        "schemas": [path.relative_to(schemas).as_posix() for path in sorted(schemas.rglob("*.yaml"))],
        "subgraph definitions": [path.stem for path in sorted(package.rglob("bundled/wdqs-*.yaml"))],
    }


def read_exit_codes() -> dict[str, Any]:
    """Return the exit codes by number; their names in the code are not public."""
    return {str(code.value): {} for code in Exit}


def read_urls() -> dict[str, Any]:
    """Return the example URLs that are understood."""
    return {
        role: {form: url for form, url in forms.items() if is_understood(url, role)}
        for role, forms in URLS.items()
    }  # fmt: skip


def is_understood(url: str, role: str) -> bool:
    """Return whether a connector URL is valid."""
    try:
        parse_url(url, role, key=f"--{role}")
    except ConfigError:
        return False
    return True


def read_custom() -> dict[str, Any]:
    """Return the names of `wikistate.custom` with the members of the classes and their parameters."""
    names = {name: getattr(wikistate.custom, name) for name in wikistate.custom.__all__}
    # The class of `Context.metrics` has no name in the module, but each enrichment may use it.
    names["Context.metrics"] = vars(sys.modules[wikistate.custom.Context.__module__])["CustomMetrics"]
    return {name: _describe_class(value) if inspect.isclass(value) else {} for name, value in names.items()}


def _describe_class(kind: type) -> dict[str, Any]:
    members = {name: _describe_member(value) for name, value in vars(kind).items() if not name.startswith("_")}
    attributes = [*getattr(kind, "__annotations__", {}), *_documented_attributes(kind)]
    is_made_by_users = issubclass(kind, Exception | tuple) or hasattr(kind, "__dataclass_fields__")
    made = {"()": _describe_call(kind)} if is_made_by_users else {}
    return {name: {} for name in attributes if not name.startswith("_")} | members | made


def _documented_attributes(kind: type) -> list[str]:
    """Return the names in the section Attributes of the class docstring: a constructor may set them."""
    section = re.search(r"^Attributes:\n(.*?)(?:\n\n|\Z)", inspect.getdoc(kind) or "", re.MULTILINE | re.DOTALL)
    return re.findall(r"^    (\w+):", section.group(1), re.MULTILINE) if section else []


def _describe_member(value: Any) -> dict[str, Any]:
    return _describe_call(value) if callable(value) else {}


def _describe_call(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = [
        parameter for parameter in inspect.signature(function).parameters.values() if parameter.name != "self"
    ]
    return {
        "is async": inspect.iscoroutinefunction(function),
        "parameters": {parameter.name: _describe(parameter, place) for place, parameter in enumerate(parameters, 1)},
    }


def _describe(parameter: inspect.Parameter, place: int) -> dict[str, Any]:
    has_default = parameter.default is not parameter.empty
    return {
        "kind": parameter.kind.description,
        "place": place if parameter.kind is parameter.POSITIONAL_OR_KEYWORD else None,
        "required": not has_default and parameter.kind not in _ANY_NUMBER,
        "default": repr(parameter.default) if has_default else None,
    }


_ANY_NUMBER = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}


def read_testing() -> dict[str, Any]:
    """Return the names of the documented modules of the test kit, and its modules that run as commands."""
    modules = {name: importlib.import_module(f"wikistate.{name}") for name in TESTING_MODULES}
    return {
        "modules": {f"wikistate.{name}": sorted(_public_names(module)) for name, module in modules.items()},
        "functions": {
            f"wikistate.{module}.{name}": _describe_call(getattr(modules[module], name))
            for module, name in TESTING_FUNCTIONS
        },
        "python -m": sorted(_find_commands()),
    }


def _public_names(module: Any) -> Iterator[str]:
    declared = getattr(module, "__all__", None)
    if declared is not None:
        yield from declared
        return
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
            yield name


def _find_commands() -> Iterator[str]:
    path = wikistate.testing.__path__
    for module in pkgutil.walk_packages(path, "wikistate.testing."):
        if module.name.endswith(".__main__"):
            yield module.name.removesuffix(".__main__")


SURFACE: dict[str, Callable[[], dict[str, Any]]] = {
    "commands": read_commands,
    "configuration": read_configuration,
    "job_settings": read_job_settings,
    "metrics": read_metrics,
    "streams": read_streams,
    "exit_codes": read_exit_codes,
    "urls": read_urls,
    "custom": read_custom,
    "testing": read_testing,
}
"""The parts of the surface, by the name of the JSON file that keeps the reference."""
