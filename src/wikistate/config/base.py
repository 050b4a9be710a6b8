"""What all settings have in common."""

from __future__ import annotations

from pydantic import ConfigDict

MIB = 1024 * 1024

SETTINGS_CONFIG = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
"""A group of settings is a value, and a key that is not declared is noticed."""
