"""Loading of the function that ``MODULE:FUNCTION`` names, with an error that says why it cannot be used."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from wikistate.core.events.meta import Event
from wikistate.errors import ConfigError
from wikistate.jobs.custom.context import Context, Skip

if TYPE_CHECKING:
    from types import ModuleType

Enrich = Callable[[Event, Context], Awaitable[Event | Sequence[Event] | Skip]]
"""``async def enrich(event, context)``: returns an event, several events, or the reason to drop the event."""

KEY = "custom.enrich"
_EXAMPLE = "For example --enrich my_module:enrich, for `async def enrich(event, context)` in my_module.py."


def load_function(reference: str) -> Enrich:
    """Import the function that a setting names. The current folder is searched first.

    Raises:
        ConfigError: There is no such function, or it is not an enrichment.
    """
    module_name, colon, name = reference.partition(":")
    if not reference:
        raise ConfigError(f"{KEY} is missing: it names the function that enriches the events.", hint=_EXAMPLE, key=KEY)
    if not (colon and module_name and name) or module_name.endswith(".py") or "/" in module_name:
        raise ConfigError(f"{KEY} is {reference!r}, not MODULE:FUNCTION.", hint=_EXAMPLE, key=KEY)
    return check_function(_find_function(_import_module(module_name), name), reference)


def check_function(function: Any, reference: str) -> Enrich:
    """Return the function if it is a coroutine function that accepts an event and a context.

    Raises:
        ConfigError: It is not.
    """
    if not callable(function):
        raise ConfigError(f"{KEY}: {reference} is {type(function).__name__}, not a function.", key=KEY)
    if not (inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)):
        raise ConfigError(
            f"{KEY}: {reference} is not a coroutine function.",
            hint="Write it as `async def`, and return events instead of yielding them.",
            key=KEY,
        )
    signature = inspect.signature(function)
    try:
        signature.bind(None, None)
    except TypeError as error:
        raise ConfigError(
            f"{KEY}: {reference}{signature} cannot be called with an event and a context: {error}.",
            hint="Write it as `async def enrich(event, context)`.",
            key=KEY,
        ) from error
    return function  # type: ignore[no-any-return]  # its result is checked at each call


def _import_module(name: str) -> ModuleType:
    folder = os.getcwd()  # noqa: PTH109  (sys.path holds text)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            hint = f"The search covered {folder} and the installed packages."
            raise ConfigError(f"{KEY}: there is no module {error.name}.", hint=hint, key=KEY) from error
        raise ConfigError(f"{KEY}: {name} needs {error.name}, which is not installed.", key=KEY) from error
    except Exception as error:
        raise ConfigError(f"{KEY}: {name} cannot be imported: {_describe_failure(error)}", key=KEY) from error


def _describe_failure(error: Exception) -> str:
    """Return the error with the file and line that raised it."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    text = "".join(traceback.format_exception_only(error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}: {text}" if frames else text


def _find_function(module: ModuleType, name: str) -> Any:
    if hasattr(module, name):
        return getattr(module, name)
    near = get_close_matches(name, vars(module), n=1)
    raise ConfigError(
        f"{KEY}: {module.__name__} has no function {name}.",
        hint=f"Did you mean {near[0]}?" if near else f"The module was read from {module.__file__}.",
        key=KEY,
    )
