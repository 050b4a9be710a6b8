"""Paths of savepoints: relative ones lie in the environment, and those of other environments are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from wikistate.config.flink_environments import EnvironmentSettings
from wikistate.errors import ConfigError
from wikistate.ops.flink_jobs.environments import Environment
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.snapshot_paths import resolve_path


def make_settings(savepoints: str, checkpoints: str) -> EnvironmentSettings:
    """Return the settings of an environment with these folders."""
    return EnvironmentSettings(rest="http://127.0.0.1:1", savepoints=savepoints, checkpoints=checkpoints)


IN_STORE = Environment(
    "eqiad",
    make_settings("s3://eqiad/savepoints", "s3://eqiad/checkpoints"),
    Path("environments.yaml"),
    {
        "codfw": make_settings("s3://codfw/savepoints", "hdfs://nn:8020/codfw/checkpoints"),
        "staging": make_settings("s3://eqiad/savepoints/staging", "s3://eqiad/staging"),
        "twin": make_settings("s3://eqiad/savepoints", "s3://eqiad/twin"),
    },
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first", "s3://eqiad/savepoints/first"),
        ("a b/./c//d/", "s3://eqiad/savepoints/a b/c/d"),
        ("x/../first", "s3://eqiad/savepoints/first"),
        ("s3://eqiad/checkpoints/job/chk-1", "s3://eqiad/checkpoints/job/chk-1"),
        ("s3a://eqiad/savepoints/first", "s3a://eqiad/savepoints/first"),
        ("s3://somewhere/else", "s3://somewhere/else"),
        ("s3://codfw-old/savepoints/x", "s3://codfw-old/savepoints/x"),
        ("file:/tmp/x", "file:///tmp/x"),
    ],
)
def test_path_is_resolved(text: str, expected: str) -> None:
    """In the folder of savepoints of the environment, unless it is a URI. A folder that two environments share is their own."""
    assert resolve_path(IN_STORE, text, option="--savepoint") == expected


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("s3://codfw/savepoints/first", "codfw"),
        ("s3a://codfw/savepoints", "codfw"),
        ("s3p://codfw/x/../savepoints/first", "codfw"),
        ("hdfs://nn:8020/codfw/checkpoints/a/chk-1", "codfw"),
        ("staging/first", "staging"),
        ("s3://eqiad/staging/a/chk-1", "staging"),
        ("s3://eqiad/twin/a", "twin"),
    ],
)
def test_path_of_another_environment_is_refused(text: str, owner: str) -> None:
    """By any scheme of the store, and also where the folder of one environment lies in that of another."""
    with pytest.raises(FlinkJobError, match=f"belongs to the environment {owner}") as caught:
        resolve_path(IN_STORE, text, option="--savepoint")
    assert caught.value.failure is JobFailure.FOREIGN_PATH


@pytest.mark.parametrize("text", ["..", "../other", "a/../../other", "../savepoints-of-another"])
def test_path_that_leaves_the_folder_is_refused(text: str) -> None:
    """A name that only begins as the folder does is another folder."""
    with pytest.raises(FlinkJobError, match="leads out of s3://eqiad/savepoints") as caught:
        resolve_path(IN_STORE, text, option="--savepoint")
    assert caught.value.failure is JobFailure.FOREIGN_PATH


@pytest.mark.parametrize("text", ["", "a\nb", "/srv/savepoints"])
def test_text_that_is_not_a_path_is_a_mistake(text: str) -> None:
    """Also an absolute path of this machine, if the savepoints are in a store."""
    with pytest.raises(ConfigError, match="--savepoint"):
        resolve_path(IN_STORE, text, option="--savepoint")


def test_link_and_escapes_do_not_hide_the_owner_of_a_folder(tmp_path: Path) -> None:
    """Folders of this machine are compared after links are resolved."""
    (tmp_path / "codfw").mkdir()
    (tmp_path / "eqiad").mkdir()
    (tmp_path / "eqiad" / "link").symlink_to(tmp_path / "codfw")
    own, other = (
        make_settings(f"file://{tmp_path}/{name}", f"file://{tmp_path}/{name}-c") for name in ("eqiad", "codfw")
    )
    environment = Environment("eqiad", own, tmp_path / "environments.yaml", {"codfw": other})
    assert resolve_path(environment, str(tmp_path / "eqiad" / "x"), option="--from") == f"file://{tmp_path}/eqiad/x"
    for text in (
        "link/x",
        f"file://{tmp_path}/eqiad/link",
        f"file://{tmp_path}/eqiad/%2e%2e/codfw",
        f"{tmp_path}/codfw",
    ):
        with pytest.raises(FlinkJobError) as caught:
            resolve_path(environment, text, option="--from")
        assert caught.value.failure is JobFailure.FOREIGN_PATH
