"""An embedded store is read beside the process that writes to it, without an effect on that process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from wikistate.adapters.triplestore.folder_lock import find_lock_holder
from wikistate.adapters.triplestore.folder_snapshot import PREFIX, FolderSnapshot
from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.adapters.triplestore.store import StoreAccess
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TARGET = UpdateTarget(Uris.for_wikibase("http://wikibase.example"))
WRITER = """
import sys
from pyoxigraph import Literal, NamedNode, Quad, Store
store, number = Store(sys.argv[1]), 0
print("open", flush=True)
while True:
    store.update(f"INSERT DATA {{ <urn:s{number}> <urn:p> {number} ; <urn:q> {number} }}")
    number += 1
    if number % 40 == 0:
        store.flush()
    if number % 100 == 0:
        more = (Quad(NamedNode(f"urn:b{number * 10_000 + each}"), NamedNode("urn:r"), Literal("x")) for each in range(2_000))
        store.bulk_extend(more)
    if number % 400 == 0:
        store.optimize()
"""
PAIRS = "SELECT (COUNT(?p) AS ?pairs) (MAX(?p) AS ?largest) WHERE { ?s <urn:p> ?p ; <urn:q> ?p }"
HALVES = "SELECT (COUNT(?o) AS ?halves) WHERE { { ?s <urn:p> ?o } UNION { ?s <urn:q> ?o } }"


@contextmanager
def writing(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Write to a store in another process: transactions, bulk loads, flushes and compactions."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield process
        finally:
            process.kill()


def read_store(folder: Path) -> OxigraphStore:
    """Return a reader, not open."""
    return OxigraphStore(folder, TARGET, access=StoreAccess.READ)


async def test_reader_beside_a_writer_sees_whole_transactions(tmp_path: Path) -> None:
    """Each snapshot is consistent, newer than the one before, and gone after the end of the reader. The writer continues."""
    folder, largest = tmp_path / "store", -1
    with writing(folder) as process:
        end = time.monotonic() + 120
        while largest < 500 and time.monotonic() < end:
            store = read_store(folder)
            await store.open()
            ((pairs,), (halves,)) = (await store.query(PAIRS), await store.query(HALVES))
            await store.close()
            count = int(str(getattr(pairs["pairs"], "value", "")))
            assert int(getattr(halves["halves"], "value", "")) == 2 * count
            if count:
                found = int(getattr(pairs["largest"], "value", ""))
                assert count == found + 1
                assert found >= largest
                largest = found
        assert largest > 0
        assert process.poll() is None
        assert find_lock_holder(folder) == process.pid
    assert not list(folder.glob(f"{PREFIX}*"))
    assert len(Store(folder)) > largest


async def test_error_of_second_writer_names_the_first_process(tmp_path: Path) -> None:
    """The operator stops that process."""
    folder = tmp_path / "store"
    with writing(folder) as process:
        for access in (StoreAccess.KEEP, StoreAccess.WRITE):
            store = OxigraphStore(folder, TARGET, access=access)
            with pytest.raises(ConfigError, match=f"kept in step by process {process.pid}") as error:
                await store.open()
            await store.close()
            assert str(process.pid) in error.value.hint


async def test_reader_writes_nothing(tmp_path: Path) -> None:
    """The files are the same before and after, and an update is refused."""
    folder = tmp_path / "store"
    Store(folder).add(Quad(NamedNode("urn:s"), NamedNode("urn:p"), Literal("x")))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    store = read_store(folder)
    await store.open()
    assert len(await store.query("SELECT * WHERE { ?s ?p ?o }")) == 1
    with pytest.raises(StoreError):
        await store.sweep()
    await store.close()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("access", [StoreAccess.READ, StoreAccess.WRITE])
@pytest.mark.parametrize("exists", [True, False], ids=["empty folder", "no folder"])
async def test_only_a_job_creates_a_store(access: StoreAccess, tmp_path: Path, *, exists: bool) -> None:
    """A wrong name is an error, and no store exists afterwards."""
    folder = tmp_path / "stor"
    if exists:
        folder.mkdir()
    store = OxigraphStore(folder, TARGET, access=access)
    with pytest.raises(ConfigError, match="There is no store in"):
        await store.open()
    await store.close()
    assert folder.exists() is exists
    assert not exists or not list(folder.iterdir())


def test_snapshot_of_a_killed_reader_is_removed_by_the_next(tmp_path: Path) -> None:
    """One in use stays."""
    folder = tmp_path / "store"
    Store(folder).add(Quad(NamedNode("urn:s"), NamedNode("urn:p"), Literal("x")))
    script = (
        "import os, sys; from pathlib import Path; from wikistate.adapters.triplestore.folder_snapshot import FolderSnapshot; "
        "FolderSnapshot(Path(sys.argv[1])).create(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, env=os.environ)
    (abandoned,) = folder.glob(f"{PREFIX}*")
    first, second = FolderSnapshot(folder), FolderSnapshot(folder)
    used = first.create()
    assert not abandoned.exists()
    second.create()
    assert used.exists()
    first.remove()
    second.remove()
    assert not list(folder.glob(f"{PREFIX}*"))


def test_lock_of_another_kind_or_container_has_no_process(tmp_path: Path) -> None:
    """The table of locks has lines of other files and kinds, and 0 for a process that this one cannot see."""
    (tmp_path / "LOCK").touch()
    inode = (tmp_path / "LOCK").stat().st_ino
    table = tmp_path / "locks"
    lines = {
        f"1: FLOCK  ADVISORY  WRITE 7 08:01:{inode} 0 EOF": None,
        f"1: POSIX  ADVISORY  WRITE 7 08:01:{inode}0 0 EOF": None,
        f"1: POSIX  ADVISORY  WRITE 0 08:01:{inode} 0 EOF": None,
        "1: -> POSIX": None,
        f"9: POSIX  ADVISORY  WRITE 7 08:01:{inode} 0 EOF": 7,
    }
    for line, holder in lines.items():
        table.write_text(f"{line}\n")
        assert find_lock_holder(tmp_path, locks=table) == holder
    assert find_lock_holder(tmp_path / "other", locks=table) is None
