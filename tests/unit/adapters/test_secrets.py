"""Secrets in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.secrets import read_secret
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("content", [b"secret\n", b"\xef\xbb\xbfsecret\r\n", b" secret "])
def test_secret_of_a_file_has_no_mark_and_no_space(tmp_path: Path, content: bytes) -> None:
    """Editors add both, and a password with them would be refused."""
    (tmp_path / "secret").write_bytes(content)
    assert read_secret(file=tmp_path / "secret") == "secret"


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf\n", "secret".encode("utf-16")])
def test_file_without_a_secret_is_an_error(tmp_path: Path, content: bytes) -> None:
    """It is empty, or has another encoding."""
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match="secret"):
        read_secret(file=tmp_path / "secret")
