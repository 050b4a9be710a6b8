"""Secrets, from where the settings say that they are. Never logged."""

from __future__ import annotations

import os
from pathlib import Path

from wikistate.errors import ConfigError


def resolve_secret(env: str, file: str) -> str:
    """The secret that two settings name, of which an empty one names nothing. Raises as `read_secret`."""
    return read_secret(env=env or None, file=Path(file) if file else None)


def read_secret(*, env: str | None = None, file: Path | None = None) -> str:
    """A secret from an environment variable or, without one, from a file.

    Raises:
        ConfigError: Neither is given, or what is given is not there or empty.
    """
    if env is not None:
        secret, place = os.environ.get(env, ""), f"the environment variable {env}"
    elif file is not None:
        secret, place = _read_secret_file(file), f"the file {file}"
    else:
        secret, place = "", "nothing"
    if not secret.strip():
        raise ConfigError(f"A secret was looked for in {place}, and there is none.", hint="Set it.")
    return secret.strip()


def _read_secret_file(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file {file} with a secret cannot be read: {error}.", hint="Check it.") from error
