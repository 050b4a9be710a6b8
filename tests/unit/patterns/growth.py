"""Growth of the work of a function with the length of its text, as a program: a slow function must not stop the tests.

The measure is the processor time of the thread, which other processes do not change much, and always a ratio: work that
doubles with the text is linear whatever the machine.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.unit.patterns.pumps import generate_texts

import wikistate
from wikistate.adapters.triplestore.responses import format_message
from wikistate.core.enrichment.login_answers import classify_login_result
from wikistate.core.events.byte_order_mark import remove_marks
from wikistate.core.events.first_line import quote_first_line
from wikistate.core.events.html_tags import find_links, find_title, strip_tags
from wikistate.core.events.stream_config import matches_pattern
from wikistate.core.events.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

EXPONENTIAL_SIZE, SMALL, LARGE = 26, 6_000, 24_000
NOTICEABLE = 0.002
"""Seconds of a small text. A linear pattern takes a fiftieth of it, a quadratic one several times as long."""

QUADRATIC = 2.0
"""Factor between the growth of the time and that of the text from which the growth is not linear; a quadratic one has 4."""

ROOT = Path(wikistate.__file__).parent
_METHODS: dict[str, Callable[[re.Pattern[Any], Any], object]] = {
    "match": re.Pattern.match,
    "fullmatch": re.Pattern.fullmatch,
    "search": re.Pattern.search,
    "findall": re.Pattern.findall,
    "finditer": re.Pattern.findall,
    "sub": lambda pattern, text: pattern.sub(text[:0], text),
}
_CALLS = frozenset({"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"})

BOUNDED = {"wikistate.core.events.byte_order_mark._MARKS_BEHIND": "searched in the last 64 bytes of a text"}
"""Patterns that are not linear, and the reason why the text cannot make them slow."""

DYNAMIC = {
    "adapters/http/origins.py": "the operator's own template, with one class of characters for each placeholder",
    "adapters/mediawiki/entity_responses.py": "two escaped names, in 4,096 bytes",
    "jobs/rdf_consumer/mutation_reader.py": "the operator's own filter, matched with ids of bounded length",
    "wiring/rdf_consumer.py": "likewise",
}
"""Modules with a call that is not a constant of the module, and the reason why the text cannot make it slow."""

_PAGES = (
    "<a ",
    "<",
    "<!--",
    "<!-->",
    "<script>",
    "<title>",
    "</a",
    "<link rel='EditURI' ",
    "<link a=' ",
    "<![CDATA[",
    "&#",
    "<html><head>",
)
FUNCTIONS: tuple[tuple[str, Callable[[str], object], tuple[str, ...]], ...] = (
    ("find_title", lambda text: find_title(text.encode()), _PAGES),
    ("strip_tags", lambda text: strip_tags(text.encode()), _PAGES),
    ("find_links", lambda text: list(find_links(text.encode())), _PAGES),
    ("quote_first_line", lambda text: quote_first_line(b"<html>" + text.encode()), _PAGES),
    ("format_message", lambda text: format_message(b"<html>" + text.encode()), _PAGES),
    ("remove_marks", lambda text: remove_marks(text.encode()), ("\ufeff", " \ufeff", " ")),
    ("login reason", lambda text: classify_login_result({"result": "Failed", "reason": text}), ("session ", "1", "1 ")),
    ("pattern of a stream", lambda text: matches_pattern("/^(a+)+$/", text + "!"), ("a",)),
    ("pattern that looks around", lambda text: matches_pattern("/^(?=a)(a|aa)+$/", text + "!"), ("a",)),
    ("timestamp", parse_timestamp, ("2026-01-01T00:00:00.1", "1")),
)
"""Functions over the text of strangers that use no pattern of ours, or bound the text before it, with their pumps."""


class ConstantPattern(NamedTuple):
    """Pattern of a module, and the methods that the package calls on it."""

    place: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def find_patterns() -> Iterator[ConstantPattern]:
    """Yield the constant patterns of the package."""
    called = {path: _find_called_methods(path) for path in ROOT.rglob("*.py")}
    anywhere = {name: methods for found in called.values() for name, methods in found.items()}
    for name in sorted(_module_names()):
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            if (error.name or "").split(".")[0] != "pyflink":
                raise
            continue
        for variable, value in vars(module).items():
            # The name of a pattern in a list is not the one on which a method is called.
            own = called[Path(str(module.__file__))] if isinstance(value, re.Pattern) else {}
            methods = own.get(variable) or (anywhere if own else {}).get(variable, frozenset(_METHODS))
            for pattern in _patterns_in(value):
                if (place := f"{name}.{variable}") not in BOUNDED:
                    yield ConstantPattern(place, pattern, methods)


def _find_called_methods(path: Path) -> dict[str, frozenset[str]]:
    """Return the methods that a module calls on a variable, by its name."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _METHODS:
            found.setdefault(node.value.id, set()).add(node.attr)
    return {name: frozenset(methods) for name, methods in found.items()}


def find_dynamic_calls() -> set[str]:
    """Return the modules that call `re` inside a function."""
    return {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _CALLS
        if isinstance(call.func.value, ast.Name) and call.func.value.id == "re"
    }


def grows_too_fast(function: Callable[[str], object], texts: Callable[[int], Iterable[str]]) -> str:
    """Return a text for which the work is not linear; empty if there is none."""
    for text in texts(EXPONENTIAL_SIZE):
        if _measure(function, text) > 10 * NOTICEABLE and _measure(function, text) > 10 * NOTICEABLE:
            return text
    for number, text in enumerate(texts(SMALL)):
        if _measure(function, text) < NOTICEABLE:
            continue
        larger = next(each for place, each in enumerate(texts(LARGE)) if place == number)
        before, after = (min(_measure(function, each) for _ in range(3)) for each in (text, larger))
        if before >= NOTICEABLE / 2 and after / before > QUADRATIC * len(larger) / len(text):
            return text
    return ""


def _measure(function: Callable[[str], object], text: str) -> float:
    started = thread_time()
    function(text)
    return thread_time() - started


def _module_names() -> Iterator[str]:
    yield from (
        found.name for found in pkgutil.walk_packages(wikistate.__path__, "wikistate.") if "__main__" not in found.name
    )


def _patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list | frozenset):
        for each in value:
            yield from _patterns_in(each)
    elif isinstance(value, dict):
        yield from _patterns_in(tuple(value.values()))


def check_pattern(constant: ConstantPattern) -> str:
    """Return a text for which a pattern is not linear; empty if there is none."""
    pattern = constant.pattern
    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    is_bytes = isinstance(pattern.pattern, bytes)

    def run(text: str) -> None:
        given: Any = text.encode("latin-1", "replace") if is_bytes else text
        for method in constant.methods:
            _METHODS[method](pattern, given)

    return grows_too_fast(
        run, lambda size: generate_texts(source, pattern.flags & ~re.UNICODE if is_bytes else pattern.flags, size)
    )


def _report(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Write a line before each check, and one for each slow function."""
    for constant in find_patterns():
        _report("checks", constant.place)
        if slow := check_pattern(constant):
            _report("SLOW", constant.place, repr(slow[:60]))
    for place, function, pumps in FUNCTIONS:
        _report("checks", place)
        if slow := grows_too_fast(function, lambda size, pumps=pumps: [pump * (size // len(pump)) for pump in pumps]):  # type: ignore[misc]
            _report("SLOW", place, repr(slow[:60]))
    _report("done")


if __name__ == "__main__":
    main()
    sys.exit(0)
