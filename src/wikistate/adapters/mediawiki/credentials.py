"""Credentials for a wiki: an OAuth 2 token or a bot password. They are never logged, and `repr` hides them.

Sources: MediaWiki documentation (Extension:OAuth, Manual:Bot passwords).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.secret import Secret

from yarl import URL


@dataclass(frozen=True, slots=True)
class BearerToken:
    """OAuth 2 access token.

    Attributes:
        read: Reads the token again from its file or variable; None if it cannot change.
    """

    token: str | Secret = field(repr=False)
    read: Callable[[], str | Secret] | None = field(default=None, repr=False, compare=False)

    def reload(self) -> BearerToken:
        """Return the token that its file or variable holds now; this token if it cannot be read."""
        try:
            return self if self.read is None else BearerToken(self.read(), self.read)
        except ConfigError:  # the file is being replaced; the wiki's refusal of this token is reported
            return self


@dataclass(frozen=True, slots=True)
class BotPassword:
    """Bot password; the name has the form ``Account@purpose``."""

    name: str
    password: str | Secret = field(repr=False)


Credential = BearerToken | BotPassword


def explain_private_wiki(api: str, *, has_credential: bool) -> str:
    """Return the hint for a wiki that does not let the account of the settings read.

    Args:
        api: URL of its Action API.
        has_credential: Whether the settings have credentials for this wiki.
    """
    if has_credential:
        return "Grant the account of these credentials the right to read, or use the credentials of another account."
    domain = URL(api).host or "DOMAIN"
    return (
        f"If the wiki is private, set wikis.{domain}.api to {api}, and under wikis.{domain}.credentials the login of an account "
        "that may read it: bot_name and bot_password_env, or token_env."
    )
