"""The base class of all groups of settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

MIB = 1024 * 1024


class Settings(BaseModel):
    """A group of settings: an immutable value that rejects undeclared keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
