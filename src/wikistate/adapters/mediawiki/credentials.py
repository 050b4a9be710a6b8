"""Who we are to a wiki: the owner of an OAuth 2 token, or a bot password's account. Never logged; `repr` hides it.

Sources: MediaWiki documentation (Extension:OAuth, Manual:Bot passwords).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An OAuth 2 access token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BotPassword:
    """A bot password: the name has the form ``Account@purpose``."""

    name: str
    password: str = field(repr=False)


Credential = BearerToken | BotPassword


def secret_from(*, env: str | None = None, file: Path | None = None) -> str:
    """A secret from an environment variable or, without one, from a file.

    Raises:
        ConfigError: Neither is given, or what is given is not there or empty.
    """
    if env is not None:
        secret, place = os.environ.get(env, ""), f"the environment variable {env}"
    elif file is not None:
        secret, place = _read(file), f"the file {file}"
    else:
        secret, place = "", "nothing"
    if not secret.strip():
        raise ConfigError(f"A secret was looked for in {place}, and there is none.", hint="Set it.")
    return secret.strip()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file {file} with a secret cannot be read: {error}.", hint="Check it.") from error
