"""Credentials for a wiki: an OAuth 2 token or a bot password. They are never logged, and `repr` hides them.

Sources: MediaWiki documentation (Extension:OAuth, Manual:Bot passwords).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BearerToken:
    """OAuth 2 access token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BotPassword:
    """Bot password; the name has the form ``Account@purpose``."""

    name: str
    password: str = field(repr=False)


Credential = BearerToken | BotPassword
