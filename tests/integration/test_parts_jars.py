"""JVM artifacts are exactly what the declaration says, fetched once however many ask."""

from __future__ import annotations

import hashlib
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from wikistate.errors import PartError
from wikistate.testing.jars import DECLARATION, Jar, declared, fetch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BYTES = b"a jar"
JAR = Jar("org.example:thing:1.2", hashlib.sha256(BYTES).hexdigest(), "Apache-2.0")


class Repository:
    """Stands for Maven Central: gives everyone the same bytes and counts how often it is asked."""

    def __init__(self, content: bytes = BYTES) -> None:
        self.content = content
        self.asked = 0

    def download(self, coordinates: Sequence[str], folder: Path) -> None:
        """Put the bytes into `folder`."""
        assert list(coordinates) == [JAR.coordinate]
        self.asked += 1
        (folder / JAR.file_name).write_bytes(self.content)


def test_a_jar_is_fetched_once(tmp_path: Path) -> None:
    """The second fetch is served by the cache."""
    repository = Repository()
    assert fetch([JAR], cache=tmp_path, download=repository.download) == (tmp_path / "thing-1.2.jar",)
    assert fetch([JAR], cache=tmp_path, download=repository.download) == (tmp_path / "thing-1.2.jar",)
    assert repository.asked == 1
    assert (tmp_path / "thing-1.2.jar").read_bytes() == BYTES


def test_a_jar_with_another_checksum_is_refused(tmp_path: Path) -> None:
    """Neither is it returned nor kept; the message names the coordinate and both checksums."""
    with pytest.raises(PartError, match=r"org\.example:thing:1\.2 was refused") as caught:
        fetch([JAR], cache=tmp_path, download=Repository(b"another jar").download)
    assert JAR.sha256 in caught.value.message
    assert hashlib.sha256(b"another jar").hexdigest() in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_damaged_file_in_the_cache_is_replaced(tmp_path: Path) -> None:
    """The cache is not believed either: what lies there is compared at each fetch."""
    (tmp_path / "thing-1.2.jar").write_bytes(BYTES[:-1])
    (path,) = fetch([JAR], cache=tmp_path, download=Repository().download)
    assert path.read_bytes() == BYTES


def test_many_fetch_at_once_and_one_downloads(tmp_path: Path) -> None:
    """The kernel's lock lets one in; the others find its work done."""
    repository = Repository()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: fetch([JAR], cache=tmp_path, download=repository.download), range(8)))
    assert found == [(tmp_path / "thing-1.2.jar",)] * 8
    assert repository.asked == 1


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest declared jar, from Maven Central and not from a cache."""
    (jar,) = (jar for jar in declared("kafka-broker") if jar.coordinate.startswith("org.slf4j:slf4j-simple:"))
    try:
        (path,) = fetch([jar], cache=tmp_path_factory.mktemp("jars"))
    except PartError as error:
        pytest.skip(str(error))
    return path


def test_maven_central_has_what_is_declared(smallest: Path) -> None:
    """A jar arrives whole, with neither Maven nor Java."""
    with zipfile.ZipFile(smallest) as jar:
        assert jar.testzip() is None
        assert "org/slf4j/impl/SimpleLogger.class" in jar.namelist()


@pytest.mark.usefixtures("smallest")  # skipped where Maven Central is out of reach
def test_what_maven_central_has_not_is_said(tmp_path: Path) -> None:
    """The error names the coordinate and what must be reachable."""
    jar = Jar("org.apache.kafka:no-such-artifact:4.3.1", "0" * 64, "Apache-2.0")
    with pytest.raises(PartError, match=r"org\.apache\.kafka:no-such-artifact:4\.3\.1: .* not found"):
        fetch([jar], cache=tmp_path)


@pytest.mark.parametrize("part", ["kafka-broker", "flink-kafka-connector"])
def test_every_declared_jar_is_complete(part: str) -> None:
    """Coordinate, checksum and licence; no two jars of a part have one file name."""
    jars = declared(part)
    assert len({jar.file_name for jar in jars}) == len(jars) > 0
    for jar in jars:
        assert re.fullmatch(r"[\w.-]+:[\w.-]+:[\w.-]+", jar.coordinate)
        assert re.fullmatch(r"[0-9a-f]{64}", jar.sha256)
        assert re.match(r"(Apache-2\.0|MIT|BSD-[23]-Clause|CC0-1\.0)\b", jar.licence)


def test_an_unknown_part_is_named_with_those_there_are() -> None:
    """The reader sees what can be asked for."""
    with pytest.raises(PartError, match="no part 'zookeeper', only flink-kafka-connector, kafka-broker"):
        declared("zookeeper")


def test_the_declaration_names_no_place() -> None:
    """Where artifacts come from is the machine's own business, not the repository's."""
    assert not re.search(r"https?:|file:|~/|/home|/root", DECLARATION.read_text())
