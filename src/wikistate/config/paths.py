"""Where files lie that belong to no project of the user's (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from pathlib import Path


def state_home() -> Path:
    """The folder for what must outlive a process: ``$XDG_STATE_HOME/wikistate``, or ``~/.local/state/wikistate``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wikistate"
