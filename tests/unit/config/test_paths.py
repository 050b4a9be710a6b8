"""Names of files that are made of other names."""

from __future__ import annotations

import re

import pytest

from wikistate.adapters.connectors.sibling_path import make_sibling_path
from wikistate.config.paths import MAX_NAME_BYTES, make_file_name, make_readable_name


@pytest.mark.parametrize("text", ["page-content-change", "my job", "a.b-c_d~1"])
def test_usual_name_stays_readable(text: str) -> None:
    """The folder of a job has its name."""
    assert make_file_name(text) == text


@pytest.mark.parametrize(
    "text", ["..", ".", "../../etc", "/etc/passwd", "a/b", "a\\b", "a\x00b", "a\nb", "\x1b]0;x\x07", "\ud800"]
)
def test_name_stays_within_its_folder(text: str) -> None:
    """It has no separator, no control character and is not a folder above."""
    name = make_file_name(text)
    assert "/" not in name
    assert "\\" not in name
    assert name not in {"", ".", ".."}
    assert name.isprintable()


@pytest.mark.parametrize("text", ["x" * 5_000, "é" * 300, "/" * 400])
def test_long_name_is_cut_and_stays_distinct(text: str) -> None:
    """The end of the name is a digest."""
    assert len(make_file_name(text)) <= MAX_NAME_BYTES
    assert make_file_name(text) != make_file_name(f"{text}y")


def test_name_of_a_job_without_one() -> None:
    """An empty name would be the folder of all jobs."""
    assert make_file_name("") == "job"


def test_name_of_an_endpoint_is_readable_and_has_no_ending_to_cut() -> None:
    """The name shows the wiki and the endpoint without escapes; the hash is at its end."""
    name = make_readable_name("my.wiki.example", "http://127.0.0.1:9999/bigdata/sparql")
    assert name.rpartition("-")[0] == "my.wiki.example-127.0.0.1-9999-bigdata-sparql"
    side = make_sibling_path(f"{name}.ndjson", "errors")
    assert side == f"{name}.errors.ndjson"


@pytest.mark.parametrize(
    "hostile", ["../../etc", "a\nb\x1b[2J", "", "\udc80", "x" * 500, "..", "münchen.example", "-rf"]
)
def test_readable_name_is_safe_for_any_text(hostile: str) -> None:
    """It is one name of bounded length, of plain characters, and names no other folder."""
    name = make_readable_name(hostile, hostile)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name)
    assert len(name) <= MAX_NAME_BYTES
    assert name != make_readable_name(f"{hostile} ", hostile)
