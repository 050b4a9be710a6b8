"""Embedded stores that are damaged in one way each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pyoxigraph import Literal, NamedNode, Quad, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENTITY = "http://www.wikidata.org/entity/Q{}"
VERSION = NamedNode("http://schema.org/version")
ENTITIES = 3_000
DAMAGED_BYTES = 64


def build_store(folder: Path) -> None:
    """Build a store with entities in data files and in the log."""
    store = Store(folder)
    quads = [Quad(NamedNode(ENTITY.format(number)), VERSION, Literal(number)) for number in range(1, ENTITIES)]
    store.bulk_extend(quads)
    store.add(Quad(NamedNode(ENTITY.format(ENTITIES)), VERSION, Literal(1)))
    del store


def flip_bytes(file: Path, share: float) -> None:
    """Invert some bytes of a file, at a share of its length."""
    content = bytearray(file.read_bytes())
    start = int(len(content) * share)
    for place in range(start, min(len(content), start + DAMAGED_BYTES)):
        content[place] ^= 0xFF
    file.write_bytes(content)


def truncate(file: Path) -> None:
    """Cut the second half of a file."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def remove_current_and_logs(folder: Path) -> None:
    """Leave the data files alone: RocksDB would take the folder for a new database, and delete them."""
    for file in (folder / "CURRENT", *folder.glob("*.log")):
        file.unlink()


def replace_by_file(folder: Path) -> None:
    """Put a file in the place of the folder."""
    shutil.rmtree(folder)
    folder.write_text("not a store")


def replace_by_other_files(folder: Path) -> None:
    """Put the files of another program in the place of the store."""
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "photo.jpeg").write_text("x")


def make_database_of_another_program(folder: Path) -> None:
    """Rename the parts that every Oxigraph store has."""
    for file in folder.glob("OPTIONS-*"):
        file.write_text(file.read_text().replace('"id2str"', '"wallet"'))


def each(pattern: str, damage: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return a damage of all files with a pattern."""

    def apply(folder: Path) -> None:
        files = sorted(folder.glob(pattern))
        assert files
        for file in files:
            damage(file)

    return apply


DAMAGES: dict[str, tuple[Callable[[Path], None], str, int]] = {
    "no CURRENT": (lambda folder: (folder / "CURRENT").unlink(), "CURRENT is missing", 4),
    "no CURRENT and no log": (remove_current_and_logs, "CURRENT is missing", 4),
    "garbage in CURRENT": (each("CURRENT", lambda file: file.write_bytes(b"\x00\xff" * 20)), "CURRENT holds", 4),
    "empty CURRENT": (each("CURRENT", lambda file: file.write_bytes(b"")), "CURRENT holds ''", 4),
    "no MANIFEST": (each("MANIFEST-*", lambda file: file.unlink()), "list of its files, MANIFEST-", 4),
    "truncated MANIFEST": (each("MANIFEST-*", truncate), "ends within a record", 4),
    "empty MANIFEST": (each("MANIFEST-*", lambda file: file.write_bytes(b"")), "ends within a record", 4),
    "flipped MANIFEST": (each("MANIFEST-*", lambda file: flip_bytes(file, 0.02)), "damaged", 4),
    "flipped index of data": (each("*.sst", lambda file: flip_bytes(file, 0.98)), "damaged", 4),
    "truncated data": (each("*.sst", truncate), "damaged", 4),
    "no data": (each("*.sst", lambda file: file.unlink()), "damaged", 4),
    "a file": (replace_by_file, "Name the folder of a store", 2),
    "other files": (replace_by_other_files, "holds 'photo.jpeg'", 2),
    "another program": (make_database_of_another_program, "of another program", 2),
}
"""Damages, a part of the message, and the exit code."""


def read_contents(place: Path) -> dict[str, bytes]:
    """Return the files of a store that hold data, by name. Logs for people and locks do not count."""
    files = [place] if place.is_file() else sorted(file for file in place.iterdir() if file.is_file())
    return {file.name: file.read_bytes() for file in files if not file.name.startswith(("LOG", "LOCK"))}
