"""Definitions of subgraphs that ship with the package."""

from __future__ import annotations

from importlib.resources import files

from wikistate.errors import ConfigError

_ENDING = ".yaml"


def bundled_names() -> tuple[str, ...]:
    """Return the names of all bundled definitions, sorted."""
    found = (entry.name for entry in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(_ENDING) for name in found if name.endswith(_ENDING)))


def read_bundled_subgraphs(name: str) -> str:
    """Return the text of bundled definitions, for `Subgraphs.parse`.

    Raises:
        ConfigError: There are no definitions with that name.
    """
    if name not in bundled_names():
        raise ConfigError(
            f"There are no bundled definitions of subgraphs named {name!r}.",
            hint=f"Bundled are: {', '.join(bundled_names())}. For your definitions, set the path of a file.",
        )
    return files(__package__).joinpath(name + _ENDING).read_text(encoding="utf-8")
