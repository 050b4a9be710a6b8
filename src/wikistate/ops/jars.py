"""JVM artifacts: declared by coordinate and checksum, downloaded once, and rejected if the checksum differs.

The package declares one artifact of Apache Flink, the Kafka connector, and contains one, the bridge.
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
from wikistate.adapters.durable_files import rename_durably
from wikistate.errors import ConfigError, PartError
from wikistate.ops import maven
from wikistate.ops.cache import cache_folder, lock_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Download = Callable[[Sequence[str], Path], None]

FLINK_DECLARATION = Path(__file__).with_name("flink-jars.toml")
"""Declaration of the artifacts for jobs on Flink. It is part of the package, because jobs are."""

CONNECTOR_VARIABLE = "WIKISTATE_FLINK_CONNECTOR_JAR"
"""Environment variable with the path of a connector, for machines without access to Maven Central."""

BRIDGE_JAR = Path(wikistate.__file__).parent / "runners" / "flink" / "wikistate-flink.jar"
"""Classes of this package on the JVM, compiled from ``jvm/src`` by ``make bridge``."""


@dataclass(frozen=True, slots=True)
class Jar:
    """JVM artifact.

    Attributes:
        coordinate: Maven coordinate ``group:artifact:version``, or ``group:artifact:version:classifier``.
        sha256: Checksum of the file, in hexadecimal.
        licence: SPDX expression of the licence.
    """

    coordinate: str
    sha256: str
    licence: str

    @property
    def file_name(self) -> str:
        """Name of the file in Maven repositories."""
        _, *names = self.coordinate.split(":")
        return f"{'-'.join(names)}.jar"


def read_declaration(part: str, *, declaration: Path) -> tuple[Jar, ...]:
    """Return the jars of a part, for example ``flink-kafka-connector``.

    Args:
        part: Name of a table in the declaration.
        declaration: TOML file with a table for each part.

    Raises:
        PartError: The declaration does not exist, or has no such part.
    """
    try:
        parts: dict[str, Any] = tomllib.loads(declaration.read_text())
    except FileNotFoundError as error:
        raise PartError(f"{declaration} is missing.", hint="It is part of the source tree: use a checkout.") from error
    if part not in parts:
        raise PartError(f"{declaration} does not declare the part {part!r}; its parts are {', '.join(sorted(parts))}.")
    return tuple(Jar(**entry) for entry in parts[part]["jars"])


def fetch(
    jars: Sequence[Jar],
    *,
    cache: Path | None = None,
    download: Download = maven.download,
) -> tuple[Path, ...]:
    """Return the files of the jars. Missing ones are downloaded, and each is compared with its checksum.

    Any number of threads and processes may call it at the same time: one downloads, and the others use its files.

    Args:
        jars: Jars to fetch.
        cache: Folder of the files between runs; None for a folder in the cache of the user.
        download: Downloads coordinates into a folder, each as its `Jar.file_name`.

    Raises:
        PartError: A jar cannot be downloaded, or its checksum differs from the declaration.
    """
    with lock_folder(cache or cache_folder() / "jars") as folder:
        missing = [jar for jar in jars if not _is_intact(folder / jar.file_name, jar)]
        if missing:
            _download_all(missing, folder, download)
        return tuple(folder / jar.file_name for jar in jars)


def fetch_flink_jars(*, cache: Path | None = None, download: Download = maven.download) -> tuple[Path, ...]:
    """Return the jars that a job on Flink needs beside Flink: the Kafka connector and the bridge.

    Args:
        cache: See `fetch`.
        download: See `fetch`.

    Raises:
        ConfigError: The environment names a connector that does not exist.
        PartError: The connector cannot be downloaded, or the installation lacks the bridge.
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
            f"{CONNECTOR_VARIABLE} is {name!r}, and that file does not exist.",
            hint="Set it to the path of Flink's Kafka SQL connector jar, or unset it to download the connector.",
            key=CONNECTOR_VARIABLE,
        )
    return path


def _fetch_connector(cache: Path | None, download: Download) -> Path:
    jars = read_declaration("flink-kafka-connector", declaration=FLINK_DECLARATION)
    try:
        (path,) = fetch(jars, cache=cache, download=download)
    except PartError as error:
        hint = f"{error.hint} Or copy {jars[0].coordinate} to this machine and set {CONNECTOR_VARIABLE} to its path."
        raise PartError(error.message, hint=hint, **error.ids) from error
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
        # A rename within one file system is atomic: other processes see the whole file or no file.
        rename_durably({scratch / jar.file_name: folder / jar.file_name for jar in jars})


def _verify_checksum(path: Path, jar: Jar) -> None:
    found = _sha256(path)
    if found != jar.sha256:
        raise PartError(
            f"{jar.coordinate} was rejected: its sha256 is {found}, and the declared one is {jar.sha256}.",
            hint="Released artifacts do not change. Check the proxies and mirrors between this machine and Maven Central.",
            coordinate=jar.coordinate,
        )
