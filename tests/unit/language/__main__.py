"""``python -m tests.unit.language PATH...``: print the violations of the language rule; exit 1 if there are any."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.unit.language.files import check_files

ROOT = Path(__file__).parents[3]


def main(arguments: list[str]) -> int:
    """Print the violations of the files and folders; without any, of the whole repository."""
    paths = [Path(argument) for argument in arguments] or [ROOT]
    found = check_files(paths, ROOT)
    for violation in found:
        print(violation)  # noqa: T201 - the output of the command
    print(f"{len(found)} violations", file=sys.stderr)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
