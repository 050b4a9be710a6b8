"""Fetches the JVM artifacts that ``jvm/parts.toml`` declares, and lets nothing through that is not what it says."""

from __future__ import annotations

import hashlib
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wikistate.errors import PartError
from wikistate.testing import maven
from wikistate.testing.cache import cache_folder, locked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Download = Callable[[Sequence[str], Path], None]

DECLARATION = Path(__file__).parents[3] / "jvm" / "parts.toml"
"""Stands in the source tree and not in the package: parts belong to tests and tools, not to jobs."""


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


def declared(part: str, *, declaration: Path = DECLARATION) -> tuple[Jar, ...]:
    """The jars of a part, for example ``kafka-broker``.

    Raises:
        PartError: There is no declaration, or no such part in it.
    """
    try:
        parts: dict[str, Any] = tomllib.loads(declaration.read_text())
    except FileNotFoundError as error:
        raise PartError(f"{declaration} is missing.", hint="JVM parts are started from a source checkout.") from error
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
    with locked(cache or cache_folder() / "jars") as folder:
        missing = [jar for jar in jars if not _is_whole(folder / jar.file_name, jar)]
        if missing:
            _download_all(missing, folder, download)
        return tuple(folder / jar.file_name for jar in jars)


def _is_whole(path: Path, jar: Jar) -> bool:
    return path.is_file() and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download_all(jars: Sequence[Jar], folder: Path, download: Download) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as name:
        scratch = Path(name)
        download([jar.coordinate for jar in jars], scratch)
        for jar in jars:
            _admit(scratch / jar.file_name, jar)
            # A rename within one file system: whoever looks sees the whole file or none.
            (scratch / jar.file_name).replace(folder / jar.file_name)


def _admit(path: Path, jar: Jar) -> None:
    found = _sha256(path)
    if found != jar.sha256:
        raise PartError(
            f"{jar.coordinate} was refused: its sha256 is {found}, declared is {jar.sha256}.",
            hint="Released artifacts do not change. Find out what stands between this machine and Maven Central.",
            coordinate=jar.coordinate,
        )
