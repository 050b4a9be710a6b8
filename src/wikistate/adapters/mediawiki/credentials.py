"""Who we are to a wiki: the owner of an OAuth 2 token, or a bot password's account. Never logged; `repr` hides it.

Sources: MediaWiki documentation (Extension:OAuth, Manual:Bot passwords).
"""

from __future__ import annotations

from dataclasses import dataclass, field


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
