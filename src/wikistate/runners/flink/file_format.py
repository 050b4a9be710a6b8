"""Formats of the files that Flink reads: plain text and gzip, which it distinguishes by the name of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.compression.formats import HEAD, Format, UnsupportedFormatError, format_by_name, recognise
from wikistate.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path

_HINT = "Decompress it, compress it with gzip, or use the local runner."


def check_file_format(path: Path, *, key: str) -> None:
    """Check the name of a file, and its first bytes if this machine has the file.

    Raises:
        ConfigError: Its name states a format that Flink does not read.
        InputError: It has a format that is not read, or another one than its name states.
    """
    stated = format_by_name(path.name) or Format.PLAIN
    if stated not in (Format.PLAIN, Format.GZIP):
        raise ConfigError(f"{path} is compressed with {stated}, which Flink does not read.", hint=_HINT, key=key)
    if not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(HEAD)
    try:
        found = recognise(head, name=path.name, is_whole=len(head) < HEAD)
    except UnsupportedFormatError as error:
        raise InputError(f"{path} cannot be read: {error.reason}.", hint=error.hint, file=str(path)) from error
    if found is not stated and head:
        raise InputError(
            f"{path} is {found}, but Flink reads it as {stated}, as its name states.",
            hint="Rename it, or use the local runner, which decides by the first bytes.",
            file=str(path),
        )
