"""Records of deployments: copies of the files, their order, and the savepoints that are one too many."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from wikistate.errors import ConfigError, StateError
from wikistate.ops.flink_jobs.deployments import KEPT, DeploymentRecords

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.ops.flink_jobs.deployments import Deployment


@pytest.fixture
def records(tmp_path: Path) -> DeploymentRecords:
    """Records in a folder that does not exist yet."""
    return DeploymentRecords(tmp_path / "records" / "eqiad" / "job")


def create(records: DeploymentRecords, package: Path | None = None) -> Deployment:
    """Create a deployment."""
    return records.create("custom", [{"a": 1}], package=package, parallelism=1)


def test_copies_are_for_their_user_only(records: DeploymentRecords, tmp_path: Path) -> None:
    """They may hold secrets; a change of the originals does not change them."""
    (package := tmp_path / "code.py").write_text("one")
    made = create(records, package)
    package.write_text("two")
    assert made.package_path is not None
    assert made.package_path.read_text() == "one"
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in made.folder.iterdir()} == {0o600}


def test_last_deployment_is_the_one_that_worked_last(records: DeploymentRecords) -> None:
    """Not the one that was created last; one that was never submitted does not count."""
    first, second = (records.note_job(create(records), name * 32) for name in "ab")
    create(records)
    assert records.find_last() is None
    worked = records.note_success(first)
    assert records.find_last() == worked
    assert records.find("b" * 32) == second
    assert records.find("c" * 32) is None


def test_old_deployments_are_removed_but_never_the_one_that_worked_last(records: DeploymentRecords) -> None:
    """However many have failed since."""
    good = records.note_success(records.note_job(create(records), "0" * 32))
    for number in range(1, 2 * KEPT):
        records.note_job(create(records), str(number) * 32)
    assert records.find_last() == good
    assert len(records.list_all()) == KEPT + 1


def test_surplus_savepoints_are_the_oldest(records: DeploymentRecords) -> None:
    """They are named again until they are forgotten, because a disposal may fail."""
    assert [records.note_savepoint(name, keep=2) for name in "abc"] == [(), (), ("a",)]
    assert records.note_savepoint("d", keep=2) == ("a", "b")
    records.forget_savepoint("a")
    assert records.note_savepoint("e", keep=None) == ()
    assert records.note_savepoint("f", keep=2) == ("b", "c", "d")


def test_missing_file_is_a_mistake(records: DeploymentRecords, tmp_path: Path) -> None:
    """The error names it."""
    with pytest.raises(ConfigError, match=r"not-there\.yaml cannot be read"):
        records.create("custom", [tmp_path / "not-there.yaml"], package=None, parallelism=1)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"run": 1, "parallelism": 1}', '{"run": "custom", "parallelism": 0}']
)
def test_damaged_record_is_reported(records: DeploymentRecords, content: str) -> None:
    """With its path; nothing is guessed."""
    made = records.note_job(create(records), "a" * 32)
    (made.folder / "deployment.json").write_text(content)
    with pytest.raises(StateError, match=r"deployment\.json is damaged"):
        records.find("a" * 32)


def test_folder_that_cannot_be_used_is_reported(tmp_path: Path) -> None:
    """With the setting that names another."""
    (file := tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be used") as caught:
        create(DeploymentRecords(file / "job"))
    assert "`records`" in caught.value.hint
