"""Compiles the bridge to Flink: ``python jvm/build.py ENVIRONMENT``.

The compiler is Eclipse's, which is a jar and runs on the Java that the tests have anyway; that one is a runtime and
has no `javac`. What comes out depends on the sources, the compiler and the libraries alone, all of which are pinned:
a test builds it again and compares byte by byte.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.jars import declared_jars
from tests.support.java import java_home, java_program

from wikistate.errors import PartError
from wikistate.ops.jars import BRIDGE_JAR, FLINK_DECLARATION, fetch
from wikistate.ops.jars import read_declaration as declared_in

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = Path(__file__).parent / "src"

LEVEL = "11"
"""The oldest Java that Flink runs on."""

_MANIFEST = b"Manifest-Version: 1.0\r\n\r\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file knows


def build(environment: Path) -> bytes:
    """The jar, made of the sources and the libraries of an environment that has Flink.

    Raises:
        PartError: The environment has no Flink, a jar cannot be had, or the sources do not compile without warnings.
    """
    with tempfile.TemporaryDirectory() as scratch:
        compile_sources(class_path(environment), Path(scratch))
        return pack(Path(scratch))


def class_path(environment: Path) -> tuple[Path, ...]:
    """Flink's own libraries and its Kafka connector.

    Raises:
        PartError: The environment has no Flink, or the connector cannot be had.
    """
    libraries = sorted(environment.glob("lib/python3.*/site-packages/pyflink/lib/*.jar"))
    if not libraries:
        raise PartError(f"{environment} has no Flink.", hint="Build it: make flink.")
    return (*libraries, *fetch(declared_in("flink-kafka-connector", declaration=FLINK_DECLARATION)))


def compile_sources(libraries: Sequence[Path], folder: Path) -> None:
    """Put the classes into `folder`; a warning counts as an error.

    Raises:
        PartError: They do not compile; the message holds what the compiler says.
    """
    (compiler,) = fetch(declared_jars("java-compiler"))
    options = ["-source", LEVEL, "-target", LEVEL, "-encoding", "UTF-8", "-proc:none", "-g:source,lines"]
    options += ["-failOnWarning", "--system", str(java_home()), "-cp", ":".join(map(str, libraries)), "-d", str(folder)]
    words = [java_program(), "-jar", compiler, *options, *sorted(SOURCES.rglob("*.java"))]
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own files)
    if done.returncode != 0:
        raise PartError(f"The bridge does not compile:\n{done.stdout}{done.stderr}")


def pack(folder: Path) -> bytes:
    """A jar of the classes in `folder`: sorted, undated and uncompressed, so that it is the same wherever it is made."""
    classes = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.class")}
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as jar:
        for name, body in [("META-INF/MANIFEST.MF", _MANIFEST), *sorted(classes.items())]:
            jar.writestr(_entry(name), body)
    return content.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # Unix, whatever builds it
    entry.external_attr = 0o644 << 16
    return entry


def main(words: Sequence[str]) -> int:
    """Write the jar to its place in the package. Returns the exit status."""
    try:
        BRIDGE_JAR.write_bytes(build(Path(*words)))
    except PartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{BRIDGE_JAR}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
