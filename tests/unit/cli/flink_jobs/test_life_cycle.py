"""Commands for jobs on a Flink cluster, as an operator types them, over a fake cluster that answers as Flink does."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import yaml
from tests.unit.cli.flink_jobs.conftest import JOB, read_files, write_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tests.support.fake_flink import FakeFlink
    from tests.unit.cli.conftest import RunCommand
    from tests.unit.cli.flink_jobs.conftest import ControlJob


def test_deployed_job_gets_its_name_its_folders_and_its_files(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """The id is alone on standard output; the configuration is a copy, and the settings of the environment come last."""
    (options := tmp_path / "options.yaml").write_text("rdf: {concurrency: 3}\n")
    done = wikistate("deploy", "--options-file", options)
    ((job_id, job),) = flink.jobs.items()
    assert (done.code, done.out) == (0, f"{job_id}\n"), done.err
    assert job.name == JOB
    words = job.arguments
    assert words[:5] == ["run", "-d", "-t", "remote", "-Drest.address=127.0.0.1"]
    assert words[words.index("-p") + 1] == "1"
    assert words[words.index("-pym") + 1 :][:5] == ["wikistate", "run", "rdf-updater", "--runner", "flink"]
    files = [yaml.safe_load(text) for text in read_files(words)]
    assert files[:3] == [
        {"enrich": {"contact": "a@b.example"}},
        {"stream_manager": {"source": {"options": {"consumer_group": "wdqs"}}}},
        {"rdf": {"concurrency": 3}},
    ]
    assert files[3]["stream_manager"] == {"job_name": JOB}
    assert files[3]["flink"]["execution.checkpointing.dir"].endswith("/eqiad/checkpoints/WDQS-Streaming-Updater")


def test_dry_run_of_a_deployment_prints_the_command_and_changes_nothing(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """The steps are on standard error; nothing is submitted, and no copy stays."""
    done = wikistate("deploy", "--dry-run")
    assert (done.code, done.out) == (0, "")
    assert "-pym wikistate run rdf-updater" in done.err
    assert flink.jobs == {}
    assert list((tmp_path / "state" / "wikistate" / "flink-jobs" / "eqiad" / JOB).iterdir()) == []


def test_initial_state_is_a_path_in_the_folder_of_the_environment(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """The job starts from it without claiming it."""
    write_snapshot(tmp_path / "eqiad" / "savepoints" / "bootstrap" / "first")
    assert wikistate("deploy", "--initial-state", "bootstrap/first").code == 0
    (job,) = flink.jobs.values()
    place = job.arguments.index("-s")
    assert job.arguments[place + 1 : place + 4] == [
        f"file://{tmp_path}/eqiad/savepoints/bootstrap/first",
        "-cm",
        "no_claim",
    ]


def test_packages_are_shipped_by_their_kind(wikistate: ControlJob, flink: FakeFlink, tmp_path: Path) -> None:
    """A zip file of modules is imported first; a packed environment brings the Python of the workers."""
    package, environment = tmp_path / "code.zip", tmp_path / "packed.zip"
    for path, member in ((package, "my_module.py"), (environment, "bin/python")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, "")
    assert wikistate("deploy", "--jar", package).code == 0
    assert wikistate("redeploy", "--jar", environment).code == 0
    first, second = (job.arguments for job in flink.jobs.values())
    assert first[first.index("-pyfs") + 1].endswith("/code.zip")
    assert second[second.index("-pyarch") + 1].endswith("/packed.zip#environment")
    assert second[second.index("-pyexec") + 1] == "environment/bin/python"


def test_save_and_stop_print_the_savepoint_alone(wikistate: ControlJob, flink: FakeFlink, tmp_path: Path) -> None:
    """The folder of the savepoint is that of the job, or a path in the folder of the environment."""
    flink.add_job(JOB)
    flink.pending_polls = 2
    saved = wikistate("save")
    assert (saved.code, saved.out) == (0, f"file://{tmp_path}/eqiad/savepoints/WDQS-Streaming-Updater/savepoint-1\n")
    stopped = wikistate("stop", "--savepoint", "before-upgrade")
    assert (stopped.code, stopped.out) == (0, f"file://{tmp_path}/eqiad/savepoints/before-upgrade/savepoint-2\n")
    assert flink.active() == []


def test_lost_answer_does_not_start_a_second_savepoint(wikistate: ControlJob, flink: FakeFlink) -> None:
    """Neither does a lost request, nor a proxy that answers for a while."""
    flink.add_job(JOB)
    flink.lost_answers = 2
    assert wikistate("save").code == 0
    flink.lost_requests = 1
    assert wikistate("save").code == 0
    assert len(flink.operations) == 2


def test_surplus_savepoints_are_disposed_of(wikistate: ControlJob, flink: FakeFlink) -> None:
    """Two are kept; savepoints that other tools made are left alone."""
    flink.add_job(JOB)
    paths = [wikistate("save").out.strip() for _ in range(4)]
    assert flink.disposed == paths[:2]


def test_redeployment_starts_the_new_version_from_the_savepoint_of_the_old_one(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """One job runs at a time."""
    assert wikistate("deploy").code == 0
    done = wikistate("redeploy", "--savepoint", "upgrade")
    assert done.code == 0, done.err
    (job,) = flink.active()
    assert job.arguments[job.arguments.index("-s") + 1] == f"file://{tmp_path}/eqiad/savepoints/upgrade/savepoint-1"


def test_new_version_that_fails_is_cancelled_and_the_old_one_runs_again(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """Exit code 28: with the same files and from the same savepoint, although the options file has changed since."""
    (options := tmp_path / "options.yaml").write_text("rdf: {concurrency: 3}\n")
    assert wikistate("deploy", "--options-file", options).code == 0
    options.write_text("rdf: {concurrency: 4}\n")
    flink.starts = [{"state": "RESTARTING", "failures": ["ValueError: new defect", "ValueError: new defect"]}]
    done = wikistate("redeploy", "--options-file", options)
    assert (done.code, done.out) == (28, "")
    assert "the old one runs again" in done.err
    assert "ValueError: new defect" in done.err
    old, new, again = flink.jobs.values()
    assert (old.state, new.state, again.state) == ("FINISHED", "CANCELED", "RUNNING")
    assert again.arguments[again.arguments.index("-s") + 1] == new.arguments[new.arguments.index("-s") + 1]
    assert read_files(again.arguments) == read_files(old.arguments) != read_files(new.arguments)


def test_rollback_that_fails_is_exit_code_29_with_the_savepoint(wikistate: ControlJob, flink: FakeFlink) -> None:
    """No version runs, and the message says so."""
    assert wikistate("deploy").code == 0
    flink.starts = [{"state": "FAILED", "failures": ["x.New: one"]}, {"state": "FAILED", "failures": ["x.Old: two"]}]
    done = wikistate("redeploy")
    assert done.code == 29
    for text in ("x.New: one", "x.Old: two", "No version runs", "/savepoint-1"):
        assert text in done.err
    assert flink.active() == []


def test_failure_without_rollback_leaves_the_savepoint(wikistate: ControlJob, flink: FakeFlink) -> None:
    """Exit code 25, as for a deployment."""
    flink.add_job(JOB)
    flink.starts = [{"state": "FAILED", "failures": ["x.New: one"]}]
    done = wikistate("redeploy", "--no-rollback")
    assert done.code == 25
    assert "No version runs. The savepoint of the old version is file://" in done.err


def test_redeployment_of_an_unknown_version_is_refused_before_anything_stops(
    wikistate: ControlJob, flink: FakeFlink
) -> None:
    """Without a record it could not be rolled back."""
    flink.add_job(JOB)
    done = wikistate("redeploy")
    assert done.code == 24
    assert "--no-rollback" in done.err
    assert len(flink.active()) == 1


def test_wrong_setting_is_exit_code_2_before_anything_stops(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """The message names the file and its line."""
    assert wikistate("deploy").code == 0
    (options := tmp_path / "options.yaml").write_text("rdf:\n  concurrency: none\n")
    done = wikistate("redeploy", "--options-file", options)
    assert done.code == 2
    assert f"{options}:2: rdf.concurrency" in done.err
    assert len(flink.active()) == 1


def test_recovery_asks_the_cluster_first(wikistate: ControlJob, flink: FakeFlink, tmp_path: Path) -> None:
    """The newest snapshot of the last run, checkpoint or savepoint, after a confirmation."""
    write_snapshot(path := tmp_path / "eqiad" / "checkpoints" / "old" / "chk-7")
    flink.add_job(JOB, state="FAILED", checkpoint=f"file://{path}")
    refused = wikistate("recover")
    assert refused.code == 2
    assert "Add --yes" in refused.err
    done = wikistate("recover", "--yes")
    assert done.code == 0, done.err
    assert f"by the cluster: file://{path}, a checkpoint" in done.err
    (job,) = flink.active()
    assert job.arguments[job.arguments.index("-s") + 1] == f"file://{path}"


def test_recovery_finds_the_last_complete_checkpoint_in_the_folder(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """A restarted JobManager knows no job. Numbers are compared as numbers, and a checkpoint without its metadata is incomplete."""
    folder = tmp_path / "eqiad" / "checkpoints" / "WDQS-Streaming-Updater" / ("a" * 32)
    for number in (9, 10):
        write_snapshot(folder / f"chk-{number}")
    (folder / "chk-11").mkdir()
    (folder / "shared").mkdir()
    done = wikistate("recover", "--yes")
    assert done.code == 0, done.err
    (job,) = flink.active()
    assert job.arguments[job.arguments.index("-s") + 1] == f"file://{folder}/chk-10"


def test_recovery_starts_the_version_that_ran_last(wikistate: ControlJob, flink: FakeFlink, tmp_path: Path) -> None:
    """With the options file of its deployment."""
    (options := tmp_path / "options.yaml").write_text("rdf: {concurrency: 3}\n")
    assert wikistate("deploy", "--options-file", options).code == 0
    assert wikistate("stop").code == 0
    options.unlink()
    done = wikistate("recover", "--yes")
    assert done.code == 0, done.err
    first, second = flink.jobs.values()
    assert read_files(second.arguments) == read_files(first.arguments)


def test_status_and_list_show_the_job(
    wikistate: ControlJob, run_command: RunCommand, flink: FakeFlink, environments: Path
) -> None:
    """Also the jobs that the file of environments does not have."""
    job_id = flink.add_job(JOB, checkpoint="s3://b/chk-3", failures=["a.B: lost connection"])
    flink.add_job("another")
    status = wikistate("status")
    listed = run_command("flink", "--env", "eqiad", "--environments", environments, "list")
    assert (status.code, listed.code) == (0, 0)
    for text in (f"id: {job_id}", "state: RUNNING", "s3://b/chk-3, a checkpoint", "a.B: lost connection"):
        assert text in status.out
    assert "another" in listed.out
    assert job_id in listed.out


def test_snapshots_of_a_job_are_listed_without_its_cluster(wikistate: ControlJob, tmp_path: Path) -> None:
    """Newest first: savepoints, and the last complete checkpoint of each run."""
    folder = tmp_path / "codfw"
    names = ("checkpoints/{}/" + "a" * 32 + "/chk-1", "savepoints/{}/first", "checkpoints/{}/" + "a" * 32 + "/chk-2")
    paths = [folder / name.format("WDQS-Streaming-Updater") for name in names]
    for moment, path in enumerate(paths):
        write_snapshot(path)
        os.utime(path / "_metadata", (moment, moment))
    done = wikistate("list", env="codfw")
    assert (done.code, done.out) == (
        0,
        f"1970-01-01T00:00:02Z  checkpoint  file://{paths[2]}\n1970-01-01T00:00:01Z  savepoint   file://{paths[1]}\n",
    )


def test_arguments_of_the_script_are_understood(
    run_command: RunCommand, environments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of environments is found by its variable, and the default job is WDQS."""
    monkeypatch.setenv("WIKISTATE_FLINK_ENVIRONMENTS", str(environments))
    (options := tmp_path / "options.yaml").write_text("rdf: {concurrency: 3}\n")
    with zipfile.ZipFile(package := tmp_path / "wikistate.zip", "w") as archive:
        archive.writestr("wikistate/__init__.py", "")
    write_snapshot(tmp_path / "eqiad" / "savepoints" / "first")
    files = ("--jar", package, "--options-file", options)
    script = ("flink-job", "--env", "eqiad")
    named = (*script, "--job-name", "WDQS Streaming Updater")
    assert run_command(*named, "deploy", *files, "--initial-state", "first").code == 0
    assert run_command(*named, "redeploy", *files, "--savepoint", "second").code == 0
    assert run_command(*script, "save", "--savepoint", "third").out.endswith("/third/savepoint-2\n")
    assert run_command(*script, "stop", "--savepoint", "fourth").out.endswith("/fourth/savepoint-3\n")
