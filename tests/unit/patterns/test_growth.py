"""No regular expression and no scan of the text of strangers takes more than linear time."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from tests.unit.patterns.growth import DYNAMIC, ConstantPattern, check_pattern, find_dynamic_calls, find_patterns

TIME_LIMIT = 300.0  # seconds; the checks take some ten


def test_each_pattern_of_the_package_is_linear() -> None:
    """A pattern that never ends is the last line of the program's output, at the time limit."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.patterns.growth"],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[-1] == "done"
    assert [line for line in lines if line.startswith("SLOW")] == []
    assert len(lines) > len(list(find_patterns()))


def test_each_pattern_that_is_built_in_a_function_is_listed() -> None:
    """A new one states why the text cannot make it slow, or becomes a constant of its module."""
    assert find_dynamic_calls() == set(DYNAMIC)


@pytest.mark.parametrize(
    ("pattern", "methods"),
    [
        (r"(?=.)[+-]?[0-9]*\.?[0-9]*", {"fullmatch"}),
        (r"POINT\s*\(\s*([^()]*)\)", {"fullmatch"}),
        (r"(Point\()(\S+) (\S+)(\))", {"sub"}),
        (r"<link[^>]+rel=\"EditURI\"[^>]*>", {"search"}),
        (r"session\b.*(timed out|lost)", {"search"}),
        (r"(?is:<(style|script)\b.*?</\1>|<!--.*?-->)|<[^>]*>", {"sub"}),
        (r"([a-z]+)+x", {"match"}),
    ],
)
def test_pattern_that_is_not_linear_is_found(pattern: str, methods: set[str]) -> None:
    """Quadratic and exponential ones, among them earlier patterns of the package."""
    assert check_pattern(ConstantPattern("here", re.compile(pattern), frozenset(methods)))
