"""The format of a file, by its first bytes and its name."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.compression.compressed import COMPRESS, SKIPPABLE_FRAME, SUFFIXES

from wikistate.adapters.compression.formats import Format, UnsupportedFormatError, recognise

TEXT = b'{"a": 1}\n' * 40


def tar() -> bytes:
    """Return a tar archive."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("events.ndjson"))
    return content.getvalue()


FOREIGN = {
    "LZ4": b"\x04\x22\x4d\x18\x64\x40\xa7",
    "Snappy": b"\xff\x06\0\0sNaPpY",
    "ZIP": b"PK\x03\x04\x14\0\0\0",
    "7z": b"7z\xbc\xaf\x27\x1c\0\x04",
    "Parquet": b"PAR1\x15\x04",
    "tar": tar(),
    "UTF-16": TEXT.decode().encode("utf-16"),
    "UTF-16 or UTF-32": TEXT.decode().encode("utf-32"),
    "in UTF-16": TEXT.decode().encode("utf-16-be"),
    "in UTF-32": TEXT.decode().encode("utf-32-le"),
}


@pytest.mark.parametrize("stream_format", SUFFIXES)
@pytest.mark.parametrize("name", ["events.ndjson", "events.ndjson.gz", "events.xz", ""])
def test_first_bytes_decide_whatever_the_name_says(stream_format: Format, name: str) -> None:
    """A file may have any name: downloads are renamed."""
    content = COMPRESS[stream_format](TEXT)
    assert recognise(content, name=name) is stream_format
    assert recognise(TEXT, name=name) is Format.PLAIN


def test_skippable_frame_is_zstandard() -> None:
    """As pzstd writes it."""
    assert recognise(SKIPPABLE_FRAME) is Format.ZSTD


@pytest.mark.parametrize("says", FOREIGN)
def test_other_formats_are_refused_by_name(says: str) -> None:
    """The error has the format."""
    with pytest.raises(UnsupportedFormatError) as caught:
        recognise(FOREIGN[says])
    assert says in caught.value.reason
    assert caught.value.hint


@pytest.mark.parametrize("content", [FOREIGN["LZ4"], FOREIGN["Snappy"], COMPRESS[Format.XZ](TEXT), SKIPPABLE_FRAME])
def test_part_of_a_signature_is_undecided(content: bytes) -> None:
    """The bytes of a pipe may arrive one by one."""
    for end in range(4):
        assert recognise(content[:end]) is None


@pytest.mark.parametrize(
    ("name", "head"),
    [("a.ndjson.br", TEXT), ("a.lzma", TEXT), ("a.gz", b"\x01\x02\x03"), ("a.zip", b"\x80\x01\x02" * 90)],
)
def test_name_decides_without_a_signature(name: str, head: bytes) -> None:
    """Brotli may begin with a brace, so its name is the only sign; other names need their signature, or text."""
    with pytest.raises(UnsupportedFormatError, match="its name says"):
        recognise(head, name=name)


@pytest.mark.parametrize(
    "head", [b"{", b"Q1,2", b"P31,7\n", b"L3,8", b"[1]", b'"', b"\xef\xbb\xbf{", b"\n{", b"{}\0\0"]
)
def test_text_is_recognised_at_once(head: bytes) -> None:
    """A pipe that pauses after its first line must not delay that line."""
    assert recognise(head, is_whole=b"\0" in head) is Format.PLAIN


@given(st.binary(max_size=400), st.sampled_from(["a.ndjson", "a.gz", "a.br", ""]))
def test_whole_file_is_always_recognised_or_refused(content: bytes, name: str) -> None:
    """Any bytes have a result."""
    try:
        found = recognise(content, name=name, is_whole=True)
    except UnsupportedFormatError:
        return
    assert found is not None
