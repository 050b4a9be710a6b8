"""Finding the user's function: what is right, and what is said of what is wrong."""

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
    """The name of a module in the current folder."""
    name = f"written_by_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield name
    sys.path[:] = before
    sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["enrich", "with_more", "called", "bound"])
def test_what_can_be_awaited_with_an_event_and_a_context_is_taken(module: str, name: str) -> None:
    """A function, one with a default, an object, a partial."""
    assert callable(load_function(f"{module}:{name}"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("enrihc", "Did you mean enrich?"),
        ("plain", "async def"),
        ("yields", "instead of yielding"),
        ("of_one", "too many positional arguments"),
        ("of_three", "missing a required argument: 'third'"),
        ("number", "is int, not a function"),
    ],
)
def test_a_function_that_cannot_enrich_is_refused_at_once(module: str, name: str, said: str) -> None:
    """What is wrong with it and how to write it."""
    with pytest.raises(ConfigError) as caught:
        load_function(f"{module}:{name}")
    assert said in str(caught.value)
    assert "custom.enrich" in str(caught.value)


@pytest.mark.parametrize(
    "reference", ["enrich", "my_module.py:enrich", "folder/my_module:enrich", ":enrich", "module:"]
)
def test_what_names_no_function_is_refused(reference: str) -> None:
    """With an example."""
    with pytest.raises(ConfigError, match="not MODULE:FUNCTION"):
        load_function(reference)


def test_a_missing_setting_says_how_to_give_it() -> None:
    """By the flag."""
    with pytest.raises(ConfigError, match="--enrich my_module:enrich"):
        load_function("")


def test_a_module_that_is_not_there_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current folder is among the places."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no module nobody_wrote_this") as caught:
        load_function("nobody_wrote_this:enrich")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nobody_wrote_that", "needs nobody_wrote_that, which is not installed"),
        ("x = 1\ny = 1 / 0", ".py:2: ZeroDivisionError"),
        ("async def enrich(event context): ...", "SyntaxError"),
    ],
    ids=["import", "exception", "syntax"],
)
def test_a_module_that_breaks_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str, request: pytest.FixtureRequest
) -> None:
    """The missing package, or file, line and what happened there; no bare traceback."""
    name = f"breaks_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load_function(f"{name}:enrich")
    assert said in str(caught.value)
    assert name in str(caught.value)
