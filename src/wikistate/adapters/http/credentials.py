"""Credentials for an HTTP server that is not a wiki: a store, a stream of events, a schema repository. `repr` hides them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wikistate.adapters.http.addresses import require_encrypted
from wikistate.adapters.secrets import resolve_secret
from wikistate.errors import ConfigError
from wikistate.secret import Secret, reveal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.config.authentication import HttpAuthentication


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password."""

    user: str
    password: str | Secret = field(repr=False)

    @property
    def header(self) -> str:
        """Value of the header ``Authorization``."""
        return f"Basic {base64.b64encode(f'{self.user}:{reveal(self.password)}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Token."""

    token: str | Secret = field(repr=False)

    @property
    def header(self) -> str:
        """Value of the header ``Authorization``."""
        return f"Bearer {reveal(self.token)}"


Credential = Basic | Bearer


def resolve_authentication(settings: HttpAuthentication, *, urls: Iterable[str], key: str) -> Credential | None:
    """Return the credential for a server; None for anonymous requests.

    Args:
        settings: The settings.
        urls: The URLs that it will be sent to.
        key: The dotted path of the settings, for errors.

    Raises:
        ConfigError: A secret is missing, is stated twice, cannot be read, or would be sent unencrypted.
    """
    credential = _read_credential(settings, key=key)
    if credential is not None:
        for url in urls:
            require_encrypted(url, key=key, hint="Use an https URL.", allowed=settings.allow_unencrypted)
    return credential


def _read_credential(settings: HttpAuthentication, *, key: str) -> Credential | None:
    is_named = bool(settings.password_env or settings.password_file)
    if settings.password is not None and is_named:
        raise ConfigError(
            f"{key} has a password, and the name of a variable or file with one.",
            hint="Leave one of them out.",
            key=key,
        )
    if settings.token_env or settings.token_file:
        return Bearer(resolve_secret(settings.token_env, settings.token_file))
    if not settings.user:
        if settings.password is None and not is_named:
            return None
        raise ConfigError(f"{key} has a password, but no user.", hint=f"Set {key}.user.", key=key)
    if settings.password is not None:
        return Basic(settings.user, settings.password)
    if not is_named:
        raise ConfigError(
            f"{key}.user is set, but there is no password.",
            hint=f"Set {key}.password_env or {key}.password_file.",
            key=key,
        )
    return Basic(settings.user, resolve_secret(settings.password_env, settings.password_file))
