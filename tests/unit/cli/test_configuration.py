"""``wikistate config``: what it shows can be read again, what it checks is strict, and its schema accepts the examples."""

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
    from tests.unit.cli.conftest import Tell

EXAMPLES = Path(__file__).parents[3] / "examples"
DEPLOYED = EXAMPLES / "wikimedia" / "mw-page-content-change-enrich"
LOCAL = (EXAMPLES / "wikimedia" / "config-local-kafka.yaml",)
LAYERED = [(DEPLOYED / "values-base.yaml", DEPLOYED / f"{name}.yaml") for name in ("staging", "eqiad", "codfw")]


def given(files: tuple[Path, ...]) -> list[str]:
    """The options that name these files."""
    return [word for file in files for word in ("--config", str(file))]


@pytest.mark.parametrize("files", [(), LOCAL, *LAYERED])
def test_what_show_prints_loads_again_as_the_same_configuration(
    tell: Tell, tmp_path: Path, files: tuple[Path, ...]
) -> None:
    """Defaults included; and ``check`` has nothing against it."""
    shown = tell("config", "show", *given(files))
    (again := tmp_path / "shown.yaml").write_text(shown.out)
    assert (shown.code, shown.err) == (0, "")
    assert tell("config", "show", "--config", again) == shown
    assert tell("config", "check", "--config", again).code == 0


def test_show_says_what_holds_after_all_layers(tell: Tell) -> None:
    """Base, environment and command line, each over the one before."""
    shown = tell("config", "show", *given(LAYERED[1]), "--set", "enrich.request_timeout=7")
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
def test_the_examples_of_each_job_are_right_without_a_warning(tell: Tell, job: str, file: str) -> None:
    """Every key of them is one that we know."""
    told = tell("config", "check", "--job", job, "--config", EXAMPLES / file)
    assert (told.code, told.err) == (0, "")


@pytest.mark.parametrize("files", [LOCAL, *LAYERED])
def test_the_examples_are_right_without_a_warning(tell: Tell, files: tuple[Path, ...]) -> None:
    """Every key of them is one that we know."""
    told = tell("config", "check", *given(files))
    assert (told.code, told.err) == (0, "")
    assert "is valid" in told.out


@pytest.mark.parametrize("files", [LOCAL, *LAYERED])
def test_the_schema_is_valid_and_accepts_the_examples(tell: Tell, files: tuple[Path, ...]) -> None:
    """Editors and charts that use it find nothing wrong with them, and do find an unknown key."""
    document = orjson.loads(tell("config", "schema").out)
    jsonschema_rs.meta.validate(document)
    validator = jsonschema_rs.validator_for(document)
    values = merge(map(read_file, files)).values
    assert [error.message for error in validator.iter_errors(values)] == []
    assert not validator.is_valid({"enrich": {"batchsize": 3}})


def test_check_takes_an_unknown_key_for_wrong(tell: Tell, tmp_path: Path) -> None:
    """Unlike a run, which only warns."""
    (file := tmp_path / "job.yaml").write_text("enrich:\n  batchsize: 3\n")
    told = tell("config", "check", "--config", file)
    assert (told.code, told.out) == (2, "")
    assert f"{file}:2: enrich.batchsize: there is no such key; did you mean enrich.batch_size?" in told.err


def test_check_tells_of_every_wrong_value_with_its_place(tell: Tell, tmp_path: Path) -> None:
    """File and line for what a file says, the option for what the command line says."""
    (file := tmp_path / "job.yaml").write_text("enrich:\n  batch_size: many\n  maxlag: 0\n")
    told = tell("config", "check", "--config", file, "--set", "local.poll_records=-1")
    assert told.code == 2
    assert f"{file}:2: enrich.batch_size: found 'many'" in told.err
    assert f"{file}:3: enrich.maxlag: found 0" in told.err
    assert "--set: local.poll_records: found -1" in told.err


def test_check_knows_the_jobs(tell: Tell) -> None:
    """A configuration is one for a job."""
    told = tell("config", "check", "--job", "page-contentchange")
    assert told.code == 2
    assert "Did you mean page-content-change?" in told.err


def test_a_rate_on_the_command_line_holds_for_every_farm_without_one(tell: Tell) -> None:
    """A rate of nothing is refused by its name."""
    assert load_configuration("page-content-change", CliSettings(rate=2.5)).configuration.enrich.rate == 2.5
    told = tell("run", "page-content-change", "--source", "-", "--rate", "0")
    assert (told.code, "--rate" in told.err) == (2, True)
