"""The root cause in a Java stack trace, for a message of one line."""

from __future__ import annotations

_PYTHON_TRACE = "Traceback (most recent call last):"
_CAUSED_BY = "Caused by: "


def find_root_cause(trace: str) -> str:
    """Return the innermost message of a Java stack trace, or the error of the Python traceback in it."""
    lines = trace.splitlines()
    if any(_PYTHON_TRACE in line for line in lines):
        begin = max(place for place, line in enumerate(lines) if _PYTHON_TRACE in line)
        # The error is the first line of a traceback that is not indented.
        return next((line for line in lines[begin + 1 :] if line and not line[0].isspace()), lines[begin])
    causes = [line.strip().removeprefix(_CAUSED_BY) for line in lines if line.strip().startswith(_CAUSED_BY)]
    return causes[-1] if causes else next((line for line in lines if line.strip()), "no reason given")
