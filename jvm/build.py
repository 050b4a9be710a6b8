"""Compiler of the bridge to Flink: ``python jvm/build.py ENVIRONMENT``.

The compiler is Eclipse's, which is a jar and runs on the Java of the tests; that Java is a runtime without `javac`.
The jar depends only on the sources, the compiler and the libraries, which are all pinned: a test builds it again and
compares the bytes.
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
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can state


def build(environment: Path) -> bytes:
    """Return the jar, built from the sources and the libraries of an environment that has Flink.

    Raises:
        PartError: The environment has no Flink, a jar is not available, or the sources do not compile without warnings.
    """
    with tempfile.TemporaryDirectory() as scratch:
        compile_sources(class_path(environment), Path(scratch))
        return pack(Path(scratch))


def class_path(environment: Path) -> tuple[Path, ...]:
    """Return Flink's own libraries and its Kafka connector.

    Raises:
        PartError: The environment has no Flink, or the connector is not available.
    """
    libraries = sorted(environment.glob("lib/python3.*/site-packages/pyflink/lib/*.jar"))
    if not libraries:
        raise PartError(f"{environment} has no Flink.", hint="Build it: make flink.")
    return (*libraries, *fetch(declared_in("flink-kafka-connector", declaration=FLINK_DECLARATION)))


def compile_sources(libraries: Sequence[Path], folder: Path) -> None:
    """Compile the classes into `folder`; a warning counts as an error.

    Raises:
        PartError: They do not compile; the error has the output of the compiler.
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
    """Return a jar of the classes in `folder`, sorted, undated and uncompressed, so that each machine makes the same."""
    classes = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.class")}
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as jar:
        for name, body in [("META-INF/MANIFEST.MF", _MANIFEST), *sorted(classes.items())]:
            jar.writestr(_entry(name), body)
    return content.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # Unix, on each platform
    entry.external_attr = 0o644 << 16
    return entry


def main(words: Sequence[str]) -> int:
    """Write the jar to its path in the package, and return the exit status."""
    try:
        BRIDGE_JAR.write_bytes(build(Path(*words)))
    except PartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{BRIDGE_JAR}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
