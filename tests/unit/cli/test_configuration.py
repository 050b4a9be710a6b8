"""``wikistate config``: the output of `show` can be loaded, `check` is strict, and the schema accepts the examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema_rs
import orjson
import pytest
import yaml

from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.config.layers import merge, read_file

if TYPE_CHECKING:
    from tests.unit.cli.conftest import RunCommand

EXAMPLES = Path(__file__).parents[3] / "examples"
DEPLOYED = EXAMPLES / "wikimedia" / "mw-page-content-change-enrich"
LOCAL = (EXAMPLES / "wikimedia" / "config-local-kafka.yaml",)
LAYERED = [(DEPLOYED / "values-base.yaml", DEPLOYED / f"{name}.yaml") for name in ("staging", "eqiad", "codfw")]


def config_options(files: tuple[Path, ...]) -> list[str]:
    """Return the options of the command line that name these files."""
    return [argument for file in files for argument in ("--config", str(file))]


@pytest.mark.parametrize("files", [(), LOCAL, *LAYERED])
def test_output_of_show_loads_as_the_same_configuration(
    run_command: RunCommand, tmp_path: Path, files: tuple[Path, ...]
) -> None:
    """The output includes the defaults, and ``check`` accepts it."""
    shown = run_command("config", "show", *config_options(files))
    (again := tmp_path / "shown.yaml").write_text(shown.out)
    assert (shown.code, shown.err) == (0, "")
    assert run_command("config", "show", "--config", again) == shown
    assert run_command("config", "check", "--config", again).code == 0


def test_show_prints_values_after_all_layers(run_command: RunCommand) -> None:
    """The file of the environment overrides the base file, and the command line overrides both."""
    shown = run_command("config", "show", *config_options(LAYERED[1]), "--set", "enrich.request_timeout=7")
    values = yaml.safe_load(shown.out)
    source = values["stream_manager"]["source"]
    assert source["stream"] == "mediawiki.page_change.v1:1.7.0"
    assert source["options"]["topics"] == ["eqiad.mediawiki.page_change.v1"]
    assert source["options"]["properties"]["security.protocol"] == "SSL"
    assert values["stream_manager"]["error_sink"]["options"]["properties"]["max.request.size"] == "10485760"
    assert values["enrich"]["request_timeout"] == 7


@pytest.mark.parametrize(
    ("job", "file"),
    [
        ("page-content-change", "small-wiki.yaml"),
        ("content-history-reconcile", "reconcile.yaml"),
        ("custom", "links/links.yaml"),
    ],
)
def test_examples_of_each_job_are_valid_without_a_warning(run_command: RunCommand, job: str, file: str) -> None:
    """The examples contain known keys only."""
    result = run_command("config", "check", "--job", job, "--config", EXAMPLES / file)
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("files", [LOCAL, *LAYERED])
def test_layered_examples_are_valid_without_a_warning(run_command: RunCommand, files: tuple[Path, ...]) -> None:
    """The examples contain known keys only."""
    result = run_command("config", "check", *config_options(files))
    assert (result.code, result.err) == (0, "")
    assert "is valid" in result.out


@pytest.mark.parametrize("files", [LOCAL, *LAYERED])
def test_schema_is_valid_and_accepts_the_examples(run_command: RunCommand, files: tuple[Path, ...]) -> None:
    """An editor or chart that uses the schema accepts the examples, and rejects an unknown key."""
    document = orjson.loads(run_command("config", "schema").out)
    jsonschema_rs.meta.validate(document)
    validator = jsonschema_rs.validator_for(document)
    values = merge(map(read_file, files)).values
    assert [error.message for error in validator.iter_errors(values)] == []
    assert not validator.is_valid({"enrich": {"batchsize": 3}})


def test_check_rejects_an_unknown_key(run_command: RunCommand, tmp_path: Path) -> None:
    """A run only warns about an unknown key."""
    (file := tmp_path / "job.yaml").write_text("enrich:\n  batchsize: 3\n")
    result = run_command("config", "check", "--config", file)
    assert (result.code, result.out) == (2, "")
    assert f"{file}:2: enrich.batchsize: there is no such key; did you mean enrich.batch_size?" in result.err


def test_check_reports_every_wrong_value_with_its_location(run_command: RunCommand, tmp_path: Path) -> None:
    """The location is file and line for a value of a file, and the option for a value of the command line."""
    (file := tmp_path / "job.yaml").write_text("enrich:\n  batch_size: many\n  maxlag: 0\n")
    result = run_command("config", "check", "--config", file, "--set", "local.poll_records=-1")
    assert result.code == 2
    assert f"{file}:2: enrich.batch_size: found 'many'" in result.err
    assert f"{file}:3: enrich.maxlag: found 0" in result.err
    assert "--set: local.poll_records: found -1" in result.err


def test_check_suggests_the_nearest_name_of_a_job(run_command: RunCommand) -> None:
    """A configuration belongs to a job, so the name of the job must be known."""
    result = run_command("config", "check", "--job", "page-contentchange")
    assert result.code == 2
    assert "Did you mean page-content-change?" in result.err


def test_rate_of_the_command_line_is_the_default_of_every_farm(run_command: RunCommand) -> None:
    """A rate of 0 is rejected, and the error names the option."""
    assert load_configuration("page-content-change", CliSettings(rate=2.5)).configuration.enrich.rate == 2.5
    result = run_command("run", "page-content-change", "--source", "-", "--rate", "0")
    assert (result.code, "--rate" in result.err) == (2, True)
