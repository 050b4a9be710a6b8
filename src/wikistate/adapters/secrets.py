"""Secrets from the environment variable or file that the settings name. They are never logged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.errors import ConfigError
from wikistate.secret import Secret, is_secret_name, reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SECRET_BYTES = 65_536
"""Bytes of a file with a secret. The largest is a private key with its chain of certificates, of some 16 KB."""

_SUFFIXES = ("_env", "_file")


def resolve_secret(env: str, file: str) -> Secret:
    """Return the secret that one of two settings names; an empty setting names nothing. Raises as `read_secret`."""
    return read_secret(env=env or None, file=Path(file) if file else None)


def read_secret(*, env: str | None = None, file: Path | None = None) -> Secret:
    """Return a secret from an environment variable or, without one, from a file.

    Args:
        env: Name of the variable.
        file: Path of the file, relative to the working directory; ``~`` is the home of the user. White space around
            the secret and a byte order mark are removed.

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
    return Secret(secret.strip())


def _read_secret_file(file: Path) -> str:
    try:
        with file.expanduser().open("rb") as stream:
            content = stream.read(MAX_SECRET_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 at byte {error.start}"
    except RuntimeError:
        reason = "the home of the user is not known"
    else:
        if len(content) <= MAX_SECRET_BYTES:
            return text
        reason = f"it has more than {MAX_SECRET_BYTES} bytes"
    raise ConfigError(
        f"The file {file} with a secret cannot be read: {reason}.", hint="Check its path, permissions and encoding."
    )


def resolve_properties(properties: Mapping[str, str | Secret], *, key: str) -> dict[str, str | Secret]:
    """Return properties of a client in which no secret is in another place any more.

    Instead of a secret such as ``sasl.password``, the operator may state ``sasl.password_env`` or ``sasl.password_file``.

    Args:
        properties: The properties as the operator wrote them.
        key: The dotted path of their setting, for errors.

    Raises:
        ConfigError: A secret is stated twice, or cannot be read.
    """
    places = {name: place for name in properties if (place := _split_suffix(name)) is not None}
    found = {name: value for name, value in properties.items() if name not in places}
    for secret in dict.fromkeys(secret for secret, _ in places.values()):
        if secret in properties:
            raise ConfigError(
                f"{key}.{secret} is stated twice: as a value, and as the name of a variable or file.",
                hint="Leave one of them out.",
                key=f"{key}.{secret}",
            )
        env, file = (reveal(properties.get(f"{secret}{suffix}", "")) for suffix in _SUFFIXES)
        found[secret] = resolve_secret(env, file)
    return found


def _split_suffix(name: str) -> tuple[str, str] | None:
    """Return the secret whose place a property states, and the suffix; None for another property."""
    for suffix in _SUFFIXES:
        secret = name.removesuffix(suffix)
        if secret != name and is_secret_name(secret):
            return secret, suffix
    return None
