"""``python -m tests.unit.public_surface.capture``: write the current public surface as the reference.

Run it after a release, and when a break is intended: the changelog then says so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.unit.public_surface.surface import SURFACE

REFERENCE = Path(__file__).parent / "reference"


def read_reference(name: str) -> dict[str, Any]:
    """Return a part of the kept surface."""
    reference: dict[str, Any] = json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))
    return reference


def main() -> None:
    """Write one JSON file for each part of the surface."""
    REFERENCE.mkdir(exist_ok=True)
    for name, read in SURFACE.items():
        text = json.dumps(read(), indent=1, ensure_ascii=False, sort_keys=True)
        (REFERENCE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
