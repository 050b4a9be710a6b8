"""Formats of files: recognised by their first bytes, else by their name.

No JSON document, list or RDF document begins with the signature of another format, so the first bytes decide whatever
the name says. Brotli and LZMA have no signature and are known by name only.
Sources: RFC 1952 (gzip), RFC 8878 (Zstandard, skippable frames), the file format pages of bzip2, xz, LZ4, ZIP and Parquet.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath


class Format(StrEnum):
    """Format that is read. The value is its name in messages."""

    PLAIN = "plain text"
    GZIP = "gzip"
    DEFLATE = "deflate"
    """In HTTP only."""
    ZSTD = "Zstandard"
    BZIP2 = "bzip2"
    XZ = "xz"


READABLE = "plain text in UTF-8, gzip, Zstandard, bzip2 or xz"
"""Formats of every file that is read, for messages."""


class UnsupportedFormatError(Exception):
    """Format that is not read. It is never raised outside of the adapters.

    Args:
        reason: The format, as a clause: "it is a ZIP archive".
        hint: Advice for the next step.
    """

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


_DECOMPRESS = f"Decompress it; these formats are read: {READABLE}."
_UNPACK = "Unpack it, and name the files in it."
_TO_UTF8 = "Convert it to UTF-8, for example by iconv."
_CONVERT = f"Write its rows as lines of JSON; these formats are read: {READABLE}."
_SKIPPABLE_FRAMES = {bytes((0x50 + number,)) + b"\x2a\x4d\x18": Format.ZSTD for number in range(16)}

_SIGNATURES: dict[bytes, Format | tuple[str, str]] = {
    b"\x1f\x8b": Format.GZIP,
    b"\x28\xb5\x2f\xfd": Format.ZSTD,
    **_SKIPPABLE_FRAMES,
    b"BZh": Format.BZIP2,
    b"\xfd7zXZ\0": Format.XZ,
    b"\x04\x22\x4d\x18": ("it is compressed with LZ4", _DECOMPRESS),
    b"\x02\x21\x4c\x18": ("it is compressed with LZ4", _DECOMPRESS),
    b"\xff\x06\0\0sNaPpY": ("it is compressed with Snappy", _DECOMPRESS),
    b"\x1f\x9d": ("it is compressed with compress", _DECOMPRESS),
    b"LZIP": ("it is compressed with lzip", _DECOMPRESS),
    b"\x89LZO": ("it is compressed with lzop", _DECOMPRESS),
    b"\x5d\0\0": ("it is compressed with LZMA", _DECOMPRESS),
    b"PK\x03\x04": ("it is a ZIP archive", _UNPACK),
    b"PK\x05\x06": ("it is a ZIP archive", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("it is a 7z archive", _UNPACK),
    b"Rar!\x1a\x07": ("it is a RAR archive", _UNPACK),
    b"PAR1": ("it is a Parquet file", _CONVERT),
    b"Obj\x01": ("it is an Avro file", _CONVERT),
    b"SQLite format 3\0": ("it is an SQLite file", _CONVERT),
    b"\xff\xfe": ("its text is in UTF-16 or UTF-32", _TO_UTF8),
    b"\xfe\xff": ("its text is in UTF-16", _TO_UTF8),
    b"\0\0\xfe\xff": ("its text is in UTF-32", _TO_UTF8),
}

_SUFFIXES = {
    **dict.fromkeys((".gz", ".gzip", ".tgz"), Format.GZIP),
    **dict.fromkeys((".zst", ".zstd", ".tzst"), Format.ZSTD),
    **dict.fromkeys((".bz2", ".bz", ".tbz2"), Format.BZIP2),
    **dict.fromkeys((".xz", ".txz"), Format.XZ),
}
_OTHER_SUFFIXES = {
    ".br": "Brotli",
    ".lzma": "LZMA",
    ".lz4": "LZ4",
    ".lz": "lzip",
    ".lzo": "lzop",
    ".sz": "Snappy",
    ".snappy": "Snappy",
    ".z": "compress",
    ".zip": "ZIP",
    ".7z": "7z",
    ".rar": "RAR",
    ".tar": "tar",
    ".parquet": "Parquet",
}
_WITHOUT_SIGNATURE = frozenset({".br", ".lzma"})

_TAR_SIGNATURE = b"ustar"
_TAR_SIGNATURE_AT = 257
HEAD = _TAR_SIGNATURE_AT + len(_TAR_SIGNATURE)
"""The number of first bytes that always suffice to recognise a format."""


def format_by_name(name: str) -> Format | str | None:
    """Return the format that a file name states, the name of another format, or None if it states none."""
    suffix = PurePath(name).suffix.lower()
    return _SUFFIXES.get(suffix) or _OTHER_SUFFIXES.get(suffix)


def recognise(head: bytes, *, name: str = "", is_whole: bool = False) -> Format | None:
    """Return the format of a file; None if more of its bytes are needed.

    Args:
        head: The first bytes.
        name: The name of the file; empty for a stream without a name.
        is_whole: Whether the file has no further bytes.

    Raises:
        UnsupportedFormatError: The format is not read.
    """
    if PurePath(name).suffix.lower() in _WITHOUT_SIGNATURE:
        raise UnsupportedFormatError(f"its name says {format_by_name(name)}", _DECOMPRESS)
    if (found := _find_signature(head)) is not None:
        return found
    if not is_whole and _needs_more(head):
        return None
    stated = format_by_name(name)
    if isinstance(stated, Format) and head and _is_beginning(head):
        return stated  # it ends within its signature
    _reject_binary(head)
    if stated is not None and not _is_text(head):
        raise UnsupportedFormatError(
            f"its name says {stated}, which its first bytes {head[:8].hex(' ')} are not",
            "It is damaged, or its name is wrong.",
        )
    return Format.PLAIN


def _find_signature(head: bytes) -> Format | None:
    for signature, found in _SIGNATURES.items():
        if head.startswith(signature):
            if isinstance(found, Format):
                return found
            raise UnsupportedFormatError(*found)
    return None


def _needs_more(head: bytes) -> bool:
    return _is_beginning(head) or (b"\0" in head and len(head) < HEAD)


def _is_beginning(head: bytes) -> bool:
    return any(signature.startswith(head) for signature in _SIGNATURES)


def _reject_binary(head: bytes) -> None:
    """Raise `UnsupportedFormatError` for formats that are recognised by their zero bytes."""
    if head[_TAR_SIGNATURE_AT:].startswith(_TAR_SIGNATURE):
        raise UnsupportedFormatError("it is a tar archive", _UNPACK)
    zeros = [byte == 0 for byte in head[:4]]
    match zeros:
        case [False, True, True, True] | [True, True, True, False]:
            raise UnsupportedFormatError("its text is in UTF-32", _TO_UTF8)
        case [False, True, *_] | [True, False, *_]:
            raise UnsupportedFormatError("its text is in UTF-16", _TO_UTF8)


def _is_text(head: bytes) -> bool:
    return all(byte >= 0x20 or byte in b"\t\r\n" for byte in head[:64])  # noqa: PLR2004  (0x20 is the space)
