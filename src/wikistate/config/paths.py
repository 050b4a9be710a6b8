"""The folders and names of files outside of a project (XDG Base Directory Specification)."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

MAX_NAME_BYTES = 200
"""Bytes of the name of a file that is made of another name. File systems allow 255, and some names get an ending."""

_HASH_LENGTH = 16
_SHORT_HASH_LENGTH = 10
_SCHEME = re.compile(r"^https?://")
_UNSAFE = re.compile(r"[^A-Za-z0-9.]+")


def state_home() -> Path:
    """Return the folder for files that must outlive a process: ``$XDG_STATE_HOME/wikistate``, or ``~/.local/state/wikistate``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wikistate"


def make_file_name(text: str, *, otherwise: str = "job") -> str:
    """Return the name of a file or folder for any other name: of a job, a wiki or a store.

    It names no other folder, has no control characters and has a bounded length; different texts have different names.

    Args:
        text: The other name.
        otherwise: The name for an empty text.
    """
    name = quote(text.encode("utf-8", "surrogatepass"), safe=" ")
    if not name.strip("."):  # the folder itself, or the one above it
        name = name.replace(".", "%2E") or otherwise
    if len(name) <= MAX_NAME_BYTES:
        return name
    return f"{name[: MAX_NAME_BYTES - _HASH_LENGTH - 1]} {sha256(name.encode()).hexdigest()[:_HASH_LENGTH]}"


def make_readable_name(*texts: str) -> str:
    """Return the name of a file for names and addresses: ``wiki.example-localhost-9999-sparql-1f2e3d4c5b``.

    It consists of letters, digits, dots and hyphens. The digits at its end are a hash: different texts have different names.

    Args:
        texts: Names and addresses, most important first.
    """
    digest = sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:_SHORT_HASH_LENGTH]
    words = [_UNSAFE.sub("-", _SCHEME.sub("", text)).strip("-.") for text in texts]
    readable = "-".join(word for word in words if word)[: MAX_NAME_BYTES - _SHORT_HASH_LENGTH - 1]
    return f"{readable}-{digest}" if readable else digest
