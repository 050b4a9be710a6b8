"""JVM artifacts match their declaration exactly, and concurrent callers fetch them once."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from wikistate.errors import ConfigError, PartError
from wikistate.ops import maven
from wikistate.ops.jars import (
    BRIDGE_JAR,
    CONNECTOR_VARIABLE,
    FLINK_DECLARATION,
    Jar,
    fetch,
    fetch_flink_jars,
    read_declaration,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BYTES = b"a jar"
JAR = Jar("org.example:thing:1.2", hashlib.sha256(BYTES).hexdigest(), "Apache-2.0")


class Repository:
    """Stand-in for Maven Central with the same bytes for each artifact, which records the requests."""

    def __init__(self, content: bytes = BYTES) -> None:
        self.content = content
        self.asked: list[str] = []

    def download(self, coordinates: Sequence[str], folder: Path) -> None:
        """Write the bytes into `folder`, once for each coordinate."""
        self.asked += coordinates
        for coordinate in coordinates:
            (folder / Jar(coordinate, "", "").file_name).write_bytes(self.content)


@pytest.fixture(autouse=True)
def no_connector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variable from the environment of the tests."""
    monkeypatch.delenv(CONNECTOR_VARIABLE, raising=False)


def test_classifier_is_at_the_end_of_the_file_name() -> None:
    """Jars of the same artifact with and without one differ in their names."""
    assert JAR.file_name == "thing-1.2.jar"
    assert Jar(f"{JAR.coordinate}:tests", "", "").file_name == "thing-1.2-tests.jar"


def test_jar_is_fetched_once(tmp_path: Path) -> None:
    """The second fetch uses the cache."""
    repository = Repository()
    assert fetch([JAR], cache=tmp_path, download=repository.download) == (tmp_path / "thing-1.2.jar",)
    assert fetch([JAR], cache=tmp_path, download=repository.download) == (tmp_path / "thing-1.2.jar",)
    assert repository.asked == [JAR.coordinate]
    assert (tmp_path / "thing-1.2.jar").read_bytes() == BYTES


def test_jar_with_another_checksum_is_rejected(tmp_path: Path) -> None:
    """It is neither returned nor kept; the message names the coordinate and both checksums."""
    with pytest.raises(PartError, match=r"org\.example:thing:1\.2 was rejected") as caught:
        fetch([JAR], cache=tmp_path, download=Repository(b"another jar").download)
    assert JAR.sha256 in caught.value.message
    assert hashlib.sha256(b"another jar").hexdigest() in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_damaged_file_in_the_cache_is_replaced(tmp_path: Path) -> None:
    """The cache is not trusted either: its content is compared at each fetch."""
    (tmp_path / "thing-1.2.jar").write_bytes(BYTES[:-1])
    (path,) = fetch([JAR], cache=tmp_path, download=Repository().download)
    assert path.read_bytes() == BYTES


def test_concurrent_fetches_download_once(tmp_path: Path) -> None:
    """The kernel's lock admits one; the others use its result."""
    repository = Repository()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: fetch([JAR], cache=tmp_path, download=repository.download), range(8)))
    assert found == [(tmp_path / "thing-1.2.jar",)] * 8
    assert repository.asked == [JAR.coordinate]


def test_cache_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """The message names the variable to set, and there is no bare OSError."""
    (tmp_path / "file").touch()
    with pytest.raises(PartError, match="file/jars: Not a directory") as caught:
        fetch([JAR], cache=tmp_path / "file" / "jars", download=Repository().download)
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_unknown_part_is_reported_with_the_known_ones() -> None:
    """The message lists the parts that can be fetched."""
    with pytest.raises(PartError, match="does not declare the part 'zookeeper'; its parts are flink-kafka-connector"):
        read_declaration("zookeeper", declaration=FLINK_DECLARATION)


def test_missing_declaration_is_reported(tmp_path: Path) -> None:
    """An installed package has no declaration of the tests' parts."""
    with pytest.raises(PartError, match=r"parts\.toml is missing"):
        read_declaration("kafka-broker", declaration=tmp_path / "parts.toml")


def test_flink_uses_a_connector_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the environment names a connector, nothing is fetched; the bridge is part of the package."""
    jar = tmp_path / "connector.jar"
    jar.write_bytes(b"of the operator's own choice")
    monkeypatch.setenv(CONNECTOR_VARIABLE, str(jar))
    repository = Repository()
    assert fetch_flink_jars(cache=tmp_path, download=repository.download) == (jar, BRIDGE_JAR)
    assert repository.asked == []


def test_missing_connector_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched in its place: it was named on purpose."""
    monkeypatch.setenv(CONNECTOR_VARIABLE, "/no/such.jar")
    with pytest.raises(
        ConfigError, match=r"WIKISTATE_FLINK_CONNECTOR_JAR is '/no/such.jar', and that file does not exist"
    ):
        fetch_flink_jars()


def test_connector_with_another_checksum_is_rejected(tmp_path: Path) -> None:
    """The package holds its checksum; the hint names the way without Maven Central."""
    repository = Repository()
    with pytest.raises(PartError, match=r"flink-sql-connector-kafka:.* was rejected") as caught:
        fetch_flink_jars(cache=tmp_path, download=repository.download)
    assert [coordinate.rpartition(":")[0] for coordinate in repository.asked] == [
        "org.apache.flink:flink-sql-connector-kafka"
    ]
    assert CONNECTOR_VARIABLE in caught.value.hint


def test_without_jgo_the_hint_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job in one process does not depend on it."""
    monkeypatch.setitem(sys.modules, "jgo", None)
    with pytest.raises(PartError, match=r"org\.example:thing:1\.2 cannot be downloaded: the package jgo") as caught:
        maven.download([JAR.coordinate], tmp_path)
    assert "extra `flink`" in caught.value.hint


def test_bridge_holds_only_classes_for_java_11() -> None:
    """Java 11 is the oldest Java that Flink runs on; its class files have version 55."""
    with zipfile.ZipFile(BRIDGE_JAR) as jar:
        manifest, *classes = jar.namelist()
        assert manifest == "META-INF/MANIFEST.MF"
        assert len(classes) >= 4
        for name in classes:
            assert name.startswith("org/wikistate/flink/")
            assert jar.read(name)[:8] == bytes.fromhex("cafebabe 0000 0037")
