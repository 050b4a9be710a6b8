"""A damaged embedded store ends the run with its reason, and the attempt to open it loses nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import structlog
from tests.unit.adapters.triplestore.damaged_stores import (
    DAMAGES,
    ENTITIES,
    build_store,
    flip_bytes,
    read_contents,
)

from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.adapters.triplestore.store_failures import explain_open_failure
from wikistate.adapters.triplestore.store_folder import prepare_folder
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.queries import select_largest_number
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

TARGET = UpdateTarget(Uris.for_wikibase("http://www.wikidata.org"))


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store with entities."""
    folder = tmp_path_factory.mktemp("stores") / "store"
    build_store(folder)
    return folder


@pytest.fixture
def folder(intact: Path, tmp_path: Path) -> Path:
    """Return a copy of the store, which a test may damage."""
    shutil.copytree(intact, tmp_path / "store")
    return tmp_path / "store"


async def open_store(folder: Path) -> OxigraphStore:
    """Return a store, open; the caller closes it."""
    store = OxigraphStore(folder, TARGET)
    try:
        await store.open()
    except BaseException:
        await store.close()
        raise
    return store


@pytest.mark.parametrize("kind", DAMAGES)
async def test_damaged_store_is_an_error_and_loses_nothing(kind: str, folder: Path) -> None:
    """The message names the folder and the next step; all files with data are as before."""
    damage, message, code = DAMAGES[kind]
    damage(folder)
    before = read_contents(folder)
    with pytest.raises(ConfigError if code == 2 else StoreError, match=message) as error:
        await open_store(folder)
    assert str(folder) in error.value.message
    assert error.value.hint
    assert {name: content for name, content in read_contents(folder).items() if name in before} == before


async def test_intact_store_is_opened(folder: Path) -> None:
    """Also after it was closed."""
    for _ in range(2):
        store = await open_store(folder)
        assert await store.counts() == {"Item": ENTITIES}
        await store.close()


QUERIES = {
    "counts": "counts()",
    "largest number": f"query({select_largest_number('http://www.wikidata.org/entity/Q')!r})",
    "size": "sweep()",
    "entities": "query('SELECT ?s ?o WHERE { ?s <http://schema.org/version> ?o }')",
    "versions": "versions([f'Q{n}' for n in range(1, 3000)])",
}
CHILD = """
import asyncio, resource, sys
from pathlib import Path
from tests.unit.adapters.triplestore.test_damaged_stores import TARGET
from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.errors import StoreError
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))

async def main():
    store = OxigraphStore(Path({folder!r}), TARGET)
    try:
        await store.open()
        await store.{call}
    except StoreError as error:
        print(error)
    finally:
        await store.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", QUERIES)
def test_damaged_block_of_data_ends_a_query(kind: str, folder: Path) -> None:
    """The store opens, because blocks are checked when they are read. A query neither fills the memory nor runs forever."""
    for file in folder.glob("*.sst"):
        if file.stat().st_size > 20_000:
            flip_bytes(file, 0.1)
    script = CHILD.format(memory=3 << 30, folder=str(folder), call=QUERIES[kind])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Corruption" in done.stdout
    assert "Its files are damaged" in done.stdout


FULL = """
import asyncio, resource
from pathlib import Path
from tests.unit.adapters.triplestore.test_damaged_stores import TARGET
from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.core.updater.store_patch import StorePatch
from wikistate.errors import StoreError
from pyoxigraph import Literal, NamedNode, Triple
opened = {opened}

async def main():
    store = OxigraphStore(Path({folder!r}), TARGET)
    if not opened:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    try:
        await store.open()
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        for batch in range(400):
            added = frozenset(
                Triple(NamedNode(f"urn:s{{batch}}x{{n}}"), NamedNode("urn:p"), Literal("x" * 500)) for n in range({size})
            )
            await store.apply(StorePatch(added=added), {{}}, None)
        print("nothing failed")
    except StoreError as error:
        print(error)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("opened", "limit", "size"),
    [(False, 20, 1), (True, 300_000, 100), (True, 300_000, 2_500)],
    ids=["opening", "writing", "loading"],
)
def test_full_disk_is_an_error_and_the_store_stays_intact(folder: Path, *, opened: bool, limit: int, size: int) -> None:
    """The message says so; with room the store opens again and holds what it held."""
    script = FULL.format(folder=str(folder), opened=opened, limit=limit, size=size)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)
    assert "is exhausted: make room" in done.stdout, done.stdout + done.stderr[-2000:]
    counted = subprocess.run(
        [sys.executable, "-c", f"from pyoxigraph import Store; print(len(Store({str(folder)!r})) >= {ENTITIES})"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert counted.stdout == "True\n"


def build_list_of_files(lengths: list[int]) -> bytes:
    """Return a list of files as RocksDB writes it: records in blocks of 32 KiB, with a rest of zeros where none fits."""
    block, content = 32 * 1024, b""
    for length in lengths:
        left = block - len(content) % block
        if left < 7 + length:
            content += bytes(left) if left < 7 else left_record(left - 7)
        content += left_record(length)
    return content


def left_record(length: int) -> bytes:
    """Return a record of this length."""
    return b"\x01\x02\x03\x04" + length.to_bytes(2, "little") + b"\x01" + bytes([7]) * length


def test_list_of_files_must_end_with_a_record(tmp_path: Path) -> None:
    """Each cut within a record is found, also behind the first block; a cut between two records is one of RocksDB's own."""
    content = build_list_of_files([100, 20_000, 12_500, 40, 32_000, 30])
    assert 32 * 1024 < len(content) < 2 * 32 * 1024
    (tmp_path / "CURRENT").write_text("MANIFEST-000005\n")
    for cut in range(1, 38):
        (tmp_path / "MANIFEST-000005").write_bytes(content[:-cut])
        if cut == 37:
            prepare_folder(tmp_path)
            continue
        with pytest.raises(StoreError, match="ends within a record"):
            prepare_folder(tmp_path)
    (tmp_path / "MANIFEST-000005").write_bytes(content)
    prepare_folder(tmp_path)


@pytest.mark.parametrize(
    ("text", "kind", "hint"),
    [
        (
            "IO error: No space left on device: While appending to file: s/1.log: No space left on device",
            StoreError,
            "room",
        ),
        ("IO error: While appending to file: s/1.log: Disk quota exceeded", StoreError, "room"),
        ("IO error: While open a file for appending: s/LOG: Read-only file system", StoreError, "read-only"),
        ("IO error: While open a file for appending: s/LOG: Permission denied", StoreError, "owner"),
        ("IO error: While lock file: s/LOCK: Resource temporarily unavailable", ConfigError, "no other process"),
        ("IO error: lock hold by current process: s/LOCK: No locks available", ConfigError, "no other process"),
        ("Corruption: checksum mismatch", StoreError, "damaged"),
    ],
)
def test_failure_at_opening_says_whose_fault_it_is(text: str, kind: type[Exception], hint: str, tmp_path: Path) -> None:
    """The texts are those of RocksDB, on a full, a read-only and a foreign file system."""
    error = explain_open_failure(tmp_path, OSError(text))
    assert type(error) is kind
    assert hint in error.hint
    assert text in error.message


async def test_new_folder_is_private_and_a_shared_one_is_reported(tmp_path: Path) -> None:
    """The files of RocksDB follow the umask, so the folder keeps other users out."""
    (tmp_path / "empty").mkdir(mode=0o755)
    for name in ("new", "empty"):
        await (await open_store(tmp_path / name)).close()
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume").chmod(0o2770)
    prepare_folder(tmp_path / "volume", user=54_321)
    assert (tmp_path / "volume").stat().st_mode & 0o7777 == 0o2770, "a volume of another user that the group may write"
    (tmp_path / "new").chmod(0o755)
    with structlog.testing.capture_logs() as logs:
        await (await open_store(tmp_path / "new")).close()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755
    assert [(entry["event"], entry["mode"]) for entry in logs] == [("store_readable_by_others", "0755")]
