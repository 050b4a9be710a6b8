"""Names of files that are made of other names."""

from __future__ import annotations

import pytest

from wikistate.config.paths import MAX_NAME_BYTES, make_file_name


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
