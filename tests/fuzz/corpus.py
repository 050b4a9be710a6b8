"""Files of the suite: seeds and regression cases of each target."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.target import Target

FOLDER = Path(__file__).parent
SEEDS = FOLDER / "seeds"
REGRESSIONS = FOLDER / "regressions"


def load_seeds(target: Target) -> dict[str, bytes]:
    """Return the valid inputs of a target by file name, in a fixed order. There is at least one."""
    return _load(SEEDS / target.name)


def load_regressions(target: Target) -> dict[str, bytes]:
    """Return the inputs that were findings once, by file name, in a fixed order."""
    return _load(REGRESSIONS / target.name)


@cache
def _load(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.is_dir() else {}
