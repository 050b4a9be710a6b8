"""JVM artifacts: declared by coordinate and checksum, fetched once, and nothing let through that is not what it says.

Of Apache Flink's artifacts the package itself declares one, the Kafka connector, and brings one, the bridge.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wikistate
from wikistate.errors import ConfigError, PartError
from wikistate.ops import maven
from wikistate.ops.cache import cache_folder, lock_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Download = Callable[[Sequence[str], Path], None]

FLINK_DECLARATION = Path(__file__).with_name("flink-jars.toml")
"""What a job on Flink needs; stands in the package, because jobs do."""

CONNECTOR_VARIABLE = "WIKISTATE_FLINK_CONNECTOR_JAR"
"""Names a connector by its path, for machines that do not reach Maven Central."""

BRIDGE_JAR = Path(wikistate.__file__).parent / "runners" / "flink" / "wikistate-flink.jar"
"""Our own classes on the JVM, compiled from ``jvm/src`` by ``make bridge``."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One artifact.

    Attributes:
        coordinate: ``group:artifact:version``.
        sha256: Of the file, in hexadecimal.
        licence: Its SPDX expression.
    """

    coordinate: str
    sha256: str
    licence: str

    @property
    def file_name(self) -> str:
        """The name under which Maven repositories keep it."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_declaration(part: str, *, declaration: Path) -> tuple[Jar, ...]:
    """The jars of a part, for example ``flink-kafka-connector``.

    Args:
        part: A table of the declaration.
        declaration: A TOML file with a table for each part.

    Raises:
        PartError: There is no declaration, or no such part in it.
    """
    try:
        parts: dict[str, Any] = tomllib.loads(declaration.read_text())
    except FileNotFoundError as error:
        raise PartError(f"{declaration} is missing.", hint="It comes with the source tree: use a checkout.") from error
    if part not in parts:
        raise PartError(f"{declaration} declares no part {part!r}, only {', '.join(sorted(parts))}.")
    return tuple(Jar(**entry) for entry in parts[part]["jars"])


def fetch(
    jars: Sequence[Jar],
    *,
    cache: Path | None = None,
    download: Download = maven.download,
) -> tuple[Path, ...]:
    """The files of `jars`, downloaded where the cache has them not, each compared with its checksum.

    Any number of threads and processes may fetch at once; one downloads and the others find it done.

    Args:
        jars: What to fetch.
        cache: Where the files lie between runs; a folder of the user's cache when None.
        download: Brings coordinates into a folder, each as its `Jar.file_name`.

    Raises:
        PartError: A jar cannot be had, or is not the one that was declared.
    """
    with lock_folder(cache or cache_folder() / "jars") as folder:
        missing = [jar for jar in jars if not _is_intact(folder / jar.file_name, jar)]
        if missing:
            _download_all(missing, folder, download)
        return tuple(folder / jar.file_name for jar in jars)


def fetch_flink_jars(*, cache: Path | None = None, download: Download = maven.download) -> tuple[Path, ...]:
    """What a job on Flink needs beside Flink: the Kafka connector, then the bridge.

    Args:
        cache: As of `fetch`.
        download: As of `fetch`.

    Raises:
        ConfigError: The environment names a connector that is not there.
        PartError: The connector cannot be had, or the installation lacks the bridge.
    """
    if not BRIDGE_JAR.is_file():
        raise PartError(f"{BRIDGE_JAR} is missing.", hint="Install wikistate again; in a checkout, `make bridge`.")
    return (_find_configured_connector() or _fetch_connector(cache, download), BRIDGE_JAR)


def _find_configured_connector() -> Path | None:
    name = os.environ.get(CONNECTOR_VARIABLE, "")
    if not name:
        return None
    path = Path(name).absolute()
    if not path.is_file():
        raise ConfigError(
            f"{CONNECTOR_VARIABLE} is {name!r}, and there is no such file.",
            hint="Name the jar of Flink's Kafka SQL connector, or unset the variable to have it fetched.",
            key=CONNECTOR_VARIABLE,
        )
    return path


def _fetch_connector(cache: Path | None, download: Download) -> Path:
    jars = read_declaration("flink-kafka-connector", declaration=FLINK_DECLARATION)
    try:
        (path,) = fetch(jars, cache=cache, download=download)
    except PartError as error:
        way_out = f"Or bring {jars[0].coordinate} here by other means, and name the file in {CONNECTOR_VARIABLE}."
        raise PartError(error.message, hint=f"{error.hint} {way_out}", **error.ids) from error
    return path


def _is_intact(path: Path, jar: Jar) -> bool:
    return path.is_file() and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download_all(jars: Sequence[Jar], folder: Path, download: Download) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as name:
        scratch = Path(name)
        download([jar.coordinate for jar in jars], scratch)
        for jar in jars:
            _verify_checksum(scratch / jar.file_name, jar)
            # A rename within one file system: whoever looks sees the whole file or none.
            (scratch / jar.file_name).replace(folder / jar.file_name)


def _verify_checksum(path: Path, jar: Jar) -> None:
    found = _sha256(path)
    if found != jar.sha256:
        raise PartError(
            f"{jar.coordinate} was refused: its sha256 is {found}, declared is {jar.sha256}.",
            hint="Released artifacts do not change. Find out what stands between this machine and Maven Central.",
            coordinate=jar.coordinate,
        )
