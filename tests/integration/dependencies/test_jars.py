"""Maven Central has the declared JVM artifacts."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.support.jars import DECLARATION, declared_jars

from wikistate.errors import PartError
from wikistate.ops.jars import FLINK_DECLARATION, Jar, fetch
from wikistate.ops.jars import read_declaration as declared_in

if TYPE_CHECKING:
    from pathlib import Path

PARTS = [
    (DECLARATION, "kafka-broker"),
    (DECLARATION, "java-compiler"),
    (DECLARATION, "fuseki"),
    (DECLARATION, "blazegraph"),
    (DECLARATION, "hadoop-minicluster"),
    (FLINK_DECLARATION, "flink-kafka-connector"),
]

_LICENCES = r"(Apache-2\.0|MIT|BSD-[23]-Clause|CC0-1\.0|CDDL-1\.[01]|L?GPL-2\.[01]-(only|or-later)|EPL-[12]\.0|LicenseRef-Public-Domain)\b"


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smallest declared jar, from Maven Central and not from a cache."""
    (jar,) = (jar for jar in declared_jars("kafka-broker") if jar.coordinate.startswith("org.slf4j:slf4j-simple:"))
    try:
        (path,) = fetch([jar], cache=tmp_path_factory.mktemp("jars"))
    except PartError as error:
        pytest.skip(str(error))
    return path


def test_maven_central_has_the_declared_jar(smallest: Path) -> None:
    """A jar arrives whole, without Maven and Java."""
    with zipfile.ZipFile(smallest) as jar:
        assert jar.testzip() is None
        assert "org/slf4j/impl/SimpleLogger.class" in jar.namelist()


@pytest.mark.usefixtures("smallest")  # skipped where Maven Central is out of reach
def test_artifact_that_maven_central_lacks_is_an_error(tmp_path: Path) -> None:
    """The error names the coordinate and the addresses that must be reachable."""
    jar = Jar("org.apache.kafka:no-such-artifact:4.3.1", "0" * 64, "Apache-2.0")
    with pytest.raises(PartError, match=r"org\.apache\.kafka:no-such-artifact:4\.3\.1: .* not found"):
        fetch([jar], cache=tmp_path)


@pytest.mark.parametrize(("declaration", "part"), PARTS, ids=[part for _, part in PARTS])
def test_each_declared_jar_is_complete(declaration: Path, part: str) -> None:
    """Each has a coordinate, a checksum and a licence; no two jars of a part have one file name."""
    jars = declared_in(part, declaration=declaration)
    assert len({jar.file_name for jar in jars}) == len(jars) > 0
    for jar in jars:
        assert re.fullmatch(r"[\w.-]+:[\w.-]+:[\w.-]+(:tests)?", jar.coordinate)
        assert re.fullmatch(r"[0-9a-f]{64}", jar.sha256)
        assert re.match(_LICENCES, jar.licence)


@pytest.mark.parametrize("declaration", [DECLARATION, FLINK_DECLARATION], ids=lambda file: file.name)
def test_declaration_has_no_address(declaration: Path) -> None:
    """The machine configures the repository of the artifacts, not the project."""
    assert not re.search(r"https?://|file:|~/|/home|/root", declaration.read_text())
