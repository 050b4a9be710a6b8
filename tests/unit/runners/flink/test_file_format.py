"""Formats of the files that Flink reads."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from wikistate.errors import ConfigError, InputError
from wikistate.runners.flink.file_format import check_file_format

TEXT = b'{"a":1}\n'


@pytest.mark.parametrize("name", ["a.ndjson.zst", "a.bz2", "a.xz", "a.br", "a.zip"])
def test_name_of_a_format_that_flink_does_not_read_is_rejected(name: str) -> None:
    """Whether this machine has the file or not."""
    with pytest.raises(ConfigError, match="Flink does not read"):
        check_file_format(Path(name), key="k")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.gz", TEXT),
        ("a.ndjson", gzip.compress(TEXT, mtime=0)),
        ("a.ndjson", bz2.compress(TEXT)),
        ("a", b"PK\x03\x04"),
    ],
)
def test_content_that_differs_from_the_name_is_invalid_input(tmp_path: Path, name: str, content: bytes) -> None:
    """Flink decides by the name, and would read compressed bytes as lines."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        check_file_format(tmp_path / name, key="k")


@pytest.mark.parametrize(
    ("name", "content"), [("a.gz", gzip.compress(TEXT, mtime=0)), ("a.ndjson", TEXT), ("empty.gz", b"")]
)
def test_plain_text_and_gzip_are_accepted(tmp_path: Path, name: str, content: bytes) -> None:
    """So is a file that only the workers have."""
    (tmp_path / name).write_bytes(content)
    check_file_format(tmp_path / name, key="k")
    check_file_format(tmp_path / "elsewhere" / name, key="k")
