"""Limit of the length of source files, so that a file is readable as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LIMIT = 400  # lines


@pytest.mark.parametrize("folder", ["src", "tests", "bench"])
def test_no_file_is_above_the_limit(folder: str) -> None:
    """A longer file holds more than one concept and must be split."""
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert sizes
    assert [f"{path.relative_to(ROOT)}: {size} lines" for path, size in sorted(sizes.items()) if size > LIMIT] == []
