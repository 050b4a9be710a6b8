"""The page about Flink agrees with the runner, and its example is valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from wikistate.adapters.connectors.kafka.java_client import asks_for_kerberos
from wikistate.cli.app import app
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.config.model import DeliveryGuarantee
from wikistate.runners.flink.options import CLUSTER_DEFAULTS, DEFAULTS, build_flink_options

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "how-to" / "flink.md").read_text("utf-8")
EXAMPLE = ROOT / "examples" / "flink" / "page-content-change.yaml"
YARN_EXAMPLE = ROOT / "examples" / "yarn" / "page-content-change.yaml"


@pytest.mark.parametrize(
    ("option", "value"), (DEFAULTS | CLUSTER_DEFAULTS).items(), ids=list(DEFAULTS | CLUSTER_DEFAULTS)
)
def test_page_shows_each_default(option: str, value: str) -> None:
    """In its table of options, with the value and a reason."""
    assert re.search(rf"^\| `{re.escape(option)}` \| `{re.escape(value)}` \| \w.* \|$", PAGE, re.MULTILINE)


def test_deployment_starts_an_existing_command() -> None:
    """The arguments behind the name of the module are a valid command line."""
    (manifest,) = re.findall(r"```yaml\n(apiVersion: .*?)```", PAGE, re.DOTALL)
    arguments = yaml.safe_load(manifest)["spec"]["job"]["args"]
    start = arguments.index("-pym")
    module, command, *words = arguments[start + 1 :]
    assert (module, command) == ("wikistate", "run")
    run = get_command(app).commands["run"]  # type: ignore[attr-defined]  # a group has them; typed as any command
    context = run.make_context(command, list(words))
    assert context.params["runner"] == "flink"


def test_example_of_yarn_is_valid_without_a_warning() -> None:
    """Its clients log in by Kerberos, and its checkpoints are in HDFS."""
    loaded = load_configuration("page-content-change", CliSettings(files=(YARN_EXAMPLE,)))
    assert not loaded.warnings
    manager = loaded.configuration.stream_manager
    assert asks_for_kerberos(manager.source.options.properties)
    assert asks_for_kerberos(manager.sink.options.properties)
    options = build_flink_options(loaded.configuration.flink, DeliveryGuarantee.EXACTLY_ONCE)
    assert options["execution.checkpointing.dir"].startswith("hdfs:///")


def test_example_is_valid_without_a_warning() -> None:
    """Its options for Flink are passed to Flink."""
    loaded = load_configuration("page-content-change", CliSettings(files=(EXAMPLE,)))
    assert not loaded.warnings
    options = build_flink_options(loaded.configuration.flink, DeliveryGuarantee.EXACTLY_ONCE)
    assert options["parallelism.default"] == "2"
    assert loaded.configuration.stream_manager.sink.options.delivery_guarantee is DeliveryGuarantee.EXACTLY_ONCE
