"""The folders for files outside of a project (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from pathlib import Path


def state_home() -> Path:
    """Return the folder for files that must outlive a process: ``$XDG_STATE_HOME/wikistate``, or ``~/.local/state/wikistate``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wikistate"
