"""Who we are to an endpoint. Never logged; `repr` hides it (RFC 7617, RFC 6750)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Basic:
    """A user with a password."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of ``Authorization``."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whoever owns a token."""

    token: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of ``Authorization``."""
        return f"Bearer {self.token}"


Credential = Basic | Bearer
