"""Findings: what an input did, recognised by the place in the code, and kept with the command that repeats it."""

from __future__ import annotations

import hashlib
import re
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FRAME = re.compile(r'File "[^"]*/src/wikistate/([^"]+)", line \d+,? in (\S+)')
_ANY_FRAME = re.compile(r'File "[^"]*?/([^/"]+/[^/"]+)", line \d+,? in (\S+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Finding of one input.

    Attributes:
        target: Name of the target.
        signature: Kind of the failure and its place in the code; equal findings have equal signatures.
        details: Traceback or stack, for people.
        data: The input.
        origin: Options of the command that builds the input again; empty for a file.
    """

    target: str
    signature: str
    details: str
    data: bytes
    origin: str = ""

    @property
    def file_name(self) -> str:
        """Name of the file with the input, which is the same for equal inputs."""
        return f"{re.sub('[^A-Za-z0-9]+', '-', self.signature)[:80].strip('-')}-{hashlib.sha256(self.data).hexdigest()[:8]}"

    def save(self, folder: Path) -> Path:
        """Write the input, and beside it a text with the details and the command. Return the path of the input."""
        place = folder / self.target / self.file_name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(self.data)
        commands = [f"python -m tests.fuzz --target {self.target} --file {place}"]
        if self.origin:
            commands.append(f"python -m tests.fuzz --target {self.target} {self.origin}")
        text = "\n".join((self.signature, f"{len(self.data)} bytes", *commands, "", self.details))
        place.with_name(f"{place.name}.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
        return place


def sign_exception(error: BaseException) -> tuple[str, str]:
    """Return the signature and the details of an exception."""
    text = "".join(traceback.format_exception(error, limit=-40))
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__} in {find_place(frames, last=True)}", text[-8_000:]


def sign_stack(what: str, stack: str) -> tuple[str, str]:
    """Return the signature and the details of a stack that `faulthandler` wrote."""
    return f"{what} in {find_place(stack, last=False)}", stack[:8_000]


def find_place(frames: str, *, last: bool) -> str:
    """Return the innermost function of wikistate in a text of frames; of any module if there is no such frame."""
    found = _FRAME.findall(frames) or _ANY_FRAME.findall(frames)
    if not found:
        return "unknown place"
    file, function = found[-1 if last else 0]
    return f"{file}:{function}"
