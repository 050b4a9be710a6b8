"""Lookup of the user's function: accepted forms, and the messages about invalid ones."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from wikistate.errors import ConfigError
from wikistate.jobs.custom.function import load_function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = """
import functools

async def enrich(event, context): return event
async def with_more(event, context, more=1): return event
async def of_one(event): return event
async def of_three(event, context, third): return event
def plain(event, context): return event
async def yields(event, context): yield event
number = 3

class Enricher:
    async def __call__(self, event, context): return event

called = Enricher()
bound = functools.partial(with_more, more=2)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the name of a module in the current folder."""
    name = f"written_by_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield name
    sys.path[:] = before
    sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["enrich", "with_more", "called", "bound"])
def test_awaitable_with_event_and_context_is_accepted(module: str, name: str) -> None:
    """The cases are a function, one with a default, an object and a partial."""
    assert callable(load_function(f"{module}:{name}"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("enrihc", "Did you mean enrich?"),
        ("plain", "async def"),
        ("yields", "instead of yielding"),
        ("of_one", "too many positional arguments"),
        ("of_three", "missing a required argument: 'third'"),
        ("number", "is int, not a function"),
    ],
)
def test_function_that_cannot_enrich_is_rejected_at_the_start(module: str, name: str, message: str) -> None:
    """The message has the error and the correct form."""
    with pytest.raises(ConfigError) as caught:
        load_function(f"{module}:{name}")
    assert message in str(caught.value)
    assert "custom.enrich" in str(caught.value)


@pytest.mark.parametrize(
    "reference", ["enrich", "my_module.py:enrich", "folder/my_module:enrich", ":enrich", "module:"]
)
def test_reference_without_a_function_is_rejected(reference: str) -> None:
    """The message has an example."""
    with pytest.raises(ConfigError, match="not MODULE:FUNCTION"):
        load_function(reference)


def test_missing_setting_names_its_flag() -> None:
    """The message has an example of the flag."""
    with pytest.raises(ConfigError, match="--enrich my_module:enrich"):
        load_function("")


def test_missing_module_names_the_searched_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is one of them."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no module missing_module_of_tests") as caught:
        load_function("missing_module_of_tests:enrich")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import missing_package_of_tests", "needs missing_package_of_tests, which is not installed"),
        ("x = 1\ny = 1 / 0", ".py:2: ZeroDivisionError"),
        ("async def enrich(event context): ...", "SyntaxError"),
    ],
    ids=["import", "exception", "syntax"],
)
def test_module_that_fails_names_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str, request: pytest.FixtureRequest
) -> None:
    """The message has the missing package, or file, line and error; there is no bare traceback."""
    name = f"breaks_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load_function(f"{name}:enrich")
    assert message in str(caught.value)
    assert name in str(caught.value)
