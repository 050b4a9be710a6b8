"""Choice between the two forms of fault tests: the short one of ``make test`` and the long one of ``make faults``."""

from __future__ import annotations

import os

LONG = os.environ.get("WIKISTATE_FAULTS") == "long"
"""Whether fault tests take their long form."""
