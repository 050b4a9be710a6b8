"""Secrets from the environment variable or file that the settings name. They are never logged."""

from __future__ import annotations

import os
from pathlib import Path

from wikistate.errors import ConfigError


def resolve_secret(env: str, file: str) -> str:
    """Return the secret that one of two settings names; an empty setting names nothing. Raises as `read_secret`."""
    return read_secret(env=env or None, file=Path(file) if file else None)


def read_secret(*, env: str | None = None, file: Path | None = None) -> str:
    """Return a secret from an environment variable or, without one, from a file.

    Raises:
        ConfigError: Neither is given, or the given one does not exist or is empty.
    """
    if env is not None:
        secret, origin = os.environ.get(env, ""), f"The environment variable {env}"
    elif file is not None:
        secret, origin = _read_secret_file(file), f"The file {file}"
    else:
        raise ConfigError(
            "A secret is missing: no environment variable and no file is configured.",
            hint="Set the setting that ends in _env or the one that ends in _file.",
        )
    if not secret.strip():
        raise ConfigError(f"{origin} holds no secret.", hint="Write the secret into it, or name another one.")
    return secret.strip()


def _read_secret_file(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The file {file} with a secret cannot be read: {error}.", hint="Check its path, permissions and encoding."
        ) from error
