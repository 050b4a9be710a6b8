"""Credentials for a SPARQL endpoint. They are never logged, and `repr` hides them (RFC 7617, RFC 6750)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """Value of the header ``Authorization``."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Bearer token."""

    token: str = field(repr=False)

    @property
    def header(self) -> str:
        """Value of the header ``Authorization``."""
        return f"Bearer {self.token}"


Credential = Basic | Bearer
