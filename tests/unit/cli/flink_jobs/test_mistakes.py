"""Failures of the commands for jobs on Flink: each has its own message and exit code, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.cli.flink_jobs.conftest import JOB, read_files, write_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_flink import FakeFlink
    from tests.unit.cli.flink_jobs.conftest import ControlJob


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("deploy",), 23, "runs already"),
        (("recover", "--yes"), 23, "runs already"),
        (("save", "--savepoint", "file://{folder}/codfw/savepoints/x"), 22, "belongs to the environment codfw"),
        (("stop", "--savepoint", "../../codfw/savepoints"), 22, "leads out of"),
        (("redeploy", "--jar", "no.whl"), 2, "no.whl: there is no such file"),
        (("redeploy", "--jar", "updater.yaml"), 2, "of an unknown kind"),
    ],
)
def test_mistake_beside_a_running_job_has_its_message_and_exit_code(
    wikistate: ControlJob,
    flink: FakeFlink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    expected: str,
) -> None:
    """The job keeps running."""
    monkeypatch.chdir(tmp_path)
    flink.add_job(JOB)
    done = wikistate(*(word.format(folder=tmp_path) for word in words))
    assert (done.code, done.out) == (code, ""), done.err
    assert expected in done.err
    assert len(flink.active()) == 1
    assert flink.operations == {}


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("save",), 24, "does not run in the environment eqiad"),
        (("stop",), 24, "does not run in the environment eqiad"),
        (("status",), 24, ""),
        (("recover", "--yes"), 21, "no complete snapshot"),
        (("deploy", "--initial-state", "not-there"), 21, "not-there/_metadata"),
        (("deploy", "--initial-state", "{folder}/codfw/checkpoints/a"), 22, "belongs to the environment codfw"),
        (("deploy", "--initial-state", "s3://other/x\n"), 2, "--initial-state"),
    ],
)
def test_mistake_without_a_running_job_has_its_message_and_exit_code(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path, words: tuple[str, ...], code: int, expected: str
) -> None:
    """Nothing is submitted."""
    done = wikistate(*(word.format(folder=tmp_path) for word in words))
    assert done.code == code, done.err
    assert expected in done.err
    assert flink.jobs == {}


def test_cluster_that_is_down_is_exit_code_20(wikistate: ControlJob) -> None:
    """Each command says so at once; `recover` shows the snapshot that it would start from."""
    for command in ("deploy", "save", "stop", "status"):
        done = wikistate(command, env="codfw")
        assert done.code == 20, done.err
        assert "The cluster does not answer http://127.0.0.1:9/overview" in done.err


def test_too_few_slots_are_found_before_the_submission(wikistate: ControlJob, flink: FakeFlink) -> None:
    """Exit code 26."""
    flink.free_slots = 0
    done = wikistate("deploy")
    assert done.code == 26
    assert "has 0 free slots" in done.err
    assert flink.jobs == {}


def test_job_that_waits_for_slots_is_cancelled(wikistate: ControlJob, flink: FakeFlink) -> None:
    """Its settings may ask for more slots than the file of environments says."""
    flink.starts = [{"tasks": "SCHEDULED", "completed": 0}]
    flink.free_slots = 1
    original = flink.submit

    def submit(arguments: list[str]) -> str:
        flink.free_slots = 0
        return original(arguments)

    flink.submit = submit  # type: ignore[method-assign]
    done = wikistate("deploy")
    assert done.code == 26, done.err
    assert "waits for slots in vain" in done.err
    assert len(flink.cancelled) == 1


def test_job_that_fails_at_its_start_is_cancelled(wikistate: ControlJob, flink: FakeFlink) -> None:
    """Exit code 25 with the root cause: else it would restart for ever and hold its slots."""
    flink.starts = [{"state": "RESTARTING", "failures": ["KeyError: 'x'", "KeyError: 'x'"]}]
    done = wikistate("deploy")
    assert (done.code, done.out) == (25, "")
    assert "KeyError: 'x'" in done.err
    assert len(flink.cancelled) == 1


def test_job_without_a_checkpoint_is_not_known_to_work(
    wikistate: ControlJob, flink: FakeFlink, environments: Path
) -> None:
    """Exit code 30 after the time-out."""
    environments.write_text(environments.read_text().replace("start_timeout: 5", "start_timeout: 0.1"))
    flink.starts = [{"completed": 0}]
    done = wikistate("deploy")
    assert done.code == 30
    assert "waits for its first checkpoint" in done.err
    assert len(flink.cancelled) == 1


def test_failed_savepoint_is_exit_code_27_although_flink_calls_it_completed(
    wikistate: ControlJob, flink: FakeFlink
) -> None:
    """The message has the root cause, and the job keeps running."""
    flink.add_job(JOB)
    flink.savepoint_failure = "java.io.IOException: No space left on device"
    for command in ("save", "stop"):
        done = wikistate(command)
        assert (done.code, done.out) == (27, "")
        assert "No space left on device" in done.err
    assert len(flink.active()) == 1


def test_submission_that_is_refused_is_exit_code_31_with_the_message_of_the_job(
    wikistate: ControlJob, flink: FakeFlink
) -> None:
    """The message of our own command has precedence over the exception of Flink's driver."""
    flink.refusal = "wikistate: rdf.wikibase is missing.\nSet it.\norg.apache.flink.client.X: exit code 1\n"
    done = wikistate("deploy")
    assert done.code == 31
    assert "rdf.wikibase is missing. Set it." in done.err


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("run: rdf-updater", "run: rdf-update"), "jobs.WDQS Streaming Updater.run: found 'rdf-update'"),
        (("keep_savepoints", "keep_savepoint"), "there is no such key; Did you mean keep_savepoints?"),
        (("rest: http", "rest: ftp"), "environments.eqiad.rest: must be a URL"),
        (("savepoints: file://", "savepoints: "), "environments.eqiad.savepoints: must be the URI of a folder"),
        (("  eqiad:", "  eqiat:"), "has no environment 'eqiad'. Did you mean eqiat?"),
    ],
)
def test_mistake_in_the_file_of_environments_is_exit_code_2_with_file_and_key(
    wikistate: ControlJob, environments: Path, change: tuple[str, str], expected: str
) -> None:
    """Each mistake has a line."""
    environments.write_text(environments.read_text().replace(*change))
    done = wikistate("status")
    assert done.code == 2
    assert str(environments) in done.err
    assert expected in done.err.replace("\n", " ")


def test_cluster_that_fails_during_a_redeployment_is_not_rolled_back(wikistate: ControlJob, flink: FakeFlink) -> None:
    """Exit code 20: the new version may still run, and a second job would write everything twice."""
    assert wikistate("deploy").code == 0
    original = flink.submit

    def submit(arguments: list[str]) -> str:
        flink.outages = 1_000_000
        return original(arguments)

    flink.submit = submit  # type: ignore[method-assign]
    done = wikistate("redeploy")
    assert done.code == 20, done.err
    assert "It may still run. The savepoint of the old version is file://" in done.err
    assert len(flink.active()) == 1


def test_job_that_was_submitted_by_a_failed_submission_is_cancelled(wikistate: ControlJob, flink: FakeFlink) -> None:
    """`flink run` may fail after the cluster has accepted the job; the rollback must not run beside it."""
    assert wikistate("deploy").code == 0
    original = flink.submit

    def submit(arguments: list[str]) -> str:
        original(arguments)
        flink.submit = original  # type: ignore[method-assign]
        return "no id"

    flink.submit = submit  # type: ignore[method-assign]
    done = wikistate("redeploy")
    assert done.code == 28, done.err
    assert [job.state for job in flink.jobs.values()] == ["FINISHED", "CANCELED", "RUNNING"]


def test_recovery_does_not_start_a_version_that_never_worked(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """But the last one that did."""
    (options := tmp_path / "options.yaml").write_text("rdf: {concurrency: 3}\n")
    assert wikistate("deploy", "--options-file", options).code == 0
    options.write_text("rdf: {concurrency: 4}\n")
    flink.starts = [{"state": "FAILED"}]
    assert wikistate("redeploy", "--no-rollback", "--options-file", options).code == 25
    assert wikistate("recover", "--yes").code == 0
    first, failed, recovered = (read_files(job.arguments) for job in flink.jobs.values())
    assert recovered == first != failed


def test_down_cluster_is_reported_by_a_recovery_after_the_snapshot(wikistate: ControlJob, tmp_path: Path) -> None:
    """The operator sees the snapshot before the cluster is started again."""
    folder = tmp_path / "codfw" / "checkpoints" / "WDQS-Streaming-Updater" / ("a" * 32) / "chk-3"
    write_snapshot(folder)
    done = wikistate("recover", "--yes", env="codfw")
    assert done.code == 20
    assert f"The last snapshot, in the folders of the job: file://{folder}" in done.err


@pytest.mark.parametrize("answer", [b"<html><title>Login</title></html>", b"[]", b"{}"])
def test_server_that_is_not_flink_is_exit_code_20_with_the_first_line_of_its_answer(
    wikistate: ControlJob, flink: FakeFlink, answer: bytes
) -> None:
    """Not a defect, and not an empty cluster."""
    flink.answer = lambda *_: (200, answer)  # type: ignore[method-assign]
    done = wikistate("status")
    assert done.code == 20, done.err
    assert "does not answer as Flink does" in done.err
    assert "Traceback" not in done.err


def test_two_jobs_with_one_name_are_reported(wikistate: ControlJob, flink: FakeFlink) -> None:
    """No command chooses one of them."""
    flink.add_job(JOB)
    flink.add_job(JOB)
    done = wikistate("stop")
    assert done.code == 23
    assert "Several jobs with the name" in done.err


def test_damaged_record_is_exit_code_4_with_its_path(wikistate: ControlJob, tmp_path: Path) -> None:
    """Nothing is guessed."""
    assert wikistate("deploy").code == 0
    (record,) = (tmp_path / "state").rglob("deployment.json")
    record.write_text("{")
    done = wikistate("redeploy")
    assert done.code == 4
    assert f"{record} is damaged" in done.err


def test_environment_without_flink_is_exit_code_2_with_the_next_step(wikistate: ControlJob, environments: Path) -> None:
    """Before anything is stopped."""
    text = environments.read_text()
    environments.write_text(text.replace("/flink\n", "/not-there\n"))
    done = wikistate("deploy")
    assert done.code == 2
    assert "There is no program flink" in done.err
    assert "pip install 'wikistate[flink]'" in done.err


def test_secret_option_is_not_shown(wikistate: ControlJob, flink: FakeFlink, environments: Path) -> None:
    """The command line of a dry run has three asterisks."""
    text = environments.read_text()
    environments.write_text(
        text.replace("    keep_savepoints", "    options: {s3.secret-key: hunter2}\n    keep_savepoints")
    )
    done = wikistate("deploy", "--dry-run")
    assert done.code == 0, done.err
    assert "-Ds3.secret-key=***" in done.err
    assert "hunter2" not in done.err
    assert flink.jobs == {}


def test_upgrade_to_more_slots_than_there_are_stops_nothing(
    wikistate: ControlJob, flink: FakeFlink, environments: Path
) -> None:
    """The slots of the running job count as free."""
    assert wikistate("deploy").code == 0
    text = environments.read_text()
    environments.write_text(text.replace("run: rdf-updater", "run: rdf-updater\n    parallelism: 5"))
    assert wikistate("redeploy", "--dry-run").code == 0
    environments.write_text(text.replace("run: rdf-updater", "run: rdf-updater\n    parallelism: 6"))
    done = wikistate("redeploy")
    assert done.code == 26, done.err
    assert len(flink.active()) == 1


def test_program_that_cannot_be_executed_is_exit_code_31(wikistate: ControlJob, flink: FakeFlink) -> None:
    """Not a traceback."""
    flink.program.write_text("#!/not/there\n")
    done = wikistate("deploy")
    assert done.code == 31
    assert "cannot be started" in done.err


def test_records_that_cannot_be_written_after_the_submission_end_nothing(
    wikistate: ControlJob, flink: FakeFlink, tmp_path: Path
) -> None:
    """The job runs, and the message says that it cannot be rolled back to."""
    original = flink.submit

    def submit(arguments: list[str]) -> str:
        (record,) = (tmp_path / "state").rglob("deployment.json")
        record.unlink()
        (record.parent / "deployment.json.draft").mkdir()
        return original(arguments)

    flink.submit = submit  # type: ignore[method-assign]
    done = wikistate("deploy")
    assert done.code == 0, done.err
    assert "No rollback to this version will be possible." in done.err
    assert len(flink.active()) == 1
