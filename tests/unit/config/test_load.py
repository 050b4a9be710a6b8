"""Configuration: layers win in order, errors say where and what, unknown keys survive a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from wikistate.config.layers import Layer, merge, parse_assignment, read_file
from wikistate.config.load import load
from wikistate.config.model import Configuration, DeliveryGuarantee
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str, name: str = "job.yaml") -> Layer:
    """A layer that was written to a file."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_file(file)


def assigned(*assignments: str) -> Layer:
    """A layer from the command line."""
    layer = Layer(strict=True)
    for assignment in assignments:
        layer.put(*parse_assignment(assignment), "--set")
    return layer


def test_later_layers_win_key_by_key_and_lists_are_replaced(tmp_path: Path) -> None:
    """Two files and an assignment merge deeply; what only the first one says stays."""
    first = written(tmp_path, "enrich: {batch_size: 10, maxlag: 3}\nstream_manager: {schema_uris: [a, b]}\n", "a.yaml")
    second = written(tmp_path, "enrich: {batch_size: 20}\nstream_manager: {schema_uris: [c]}\n", "b.yaml")
    configuration = load([first, second, assigned("enrich.batch_size=30")]).configuration
    assert (configuration.enrich.batch_size, configuration.enrich.maxlag) == (30, 3)
    assert configuration.stream_manager.schema_uris == ["c"]


def test_an_unknown_key_in_a_file_is_ignored_with_a_warning_that_names_line_and_nearest_key(tmp_path: Path) -> None:
    """A file must survive that an older version runs it after a rollback."""
    loaded = load([written(tmp_path, "enrich:\n  batch_size: 7\n  request_timeuot: 3\n")])
    assert loaded.configuration.enrich.batch_size == 7
    (warning,) = loaded.warnings
    assert warning.startswith(f"{tmp_path}/job.yaml:3: enrich.request_timeuot: there is no such key")
    assert "did you mean enrich.request_timeout?" in warning


def test_an_unknown_key_on_the_command_line_is_an_error() -> None:
    """What was typed just now can be typed again."""
    with pytest.raises(ConfigError, match=r"--set: enrich.batchsize: .* did you mean enrich.batch_size\?"):
        load([assigned("enrich.batchsize=20")])


def test_an_unknown_key_without_a_near_one_lists_what_is_known() -> None:
    """Below a named wiki, too, where the path goes through a map."""
    with pytest.raises(ConfigError, match="known here: api, farm, credentials"):
        load([assigned("wikis.w={api: u}", "wikis.w.zzz=1")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "stream_manager: {source: {connector: kafak}}",
            "found 'kafak'; allowed: kafka, file, eventstreams, recentchanges; did you mean kafka?",
        ),
        ("enrich: {batch_size: 700}", "enrich.batch_size: found 700; input should be less than or equal to 500"),
        ("enrich: {batch_size: many}", "enrich.batch_size: found 'many'; input should be a valid integer"),
        ("stream_manager: {sink: {options: {delivery_guarantee: EXACTLY}}}", "did you mean EXACTLY_ONCE?"),
        ("telemetry: {metrics_port: 99999}", "telemetry.metrics_port: found 99999"),
        ("wikis: {w.org: {farm: x}}", "wikis.w.org.api: field required"),
        ("stream_manager: [1]", "stream_manager: found [1]"),
    ],
)
def test_a_wrong_value_names_file_line_key_what_was_found_and_what_is_allowed(
    tmp_path: Path, text: str, expected: str
) -> None:
    """Each error is one line that can be acted on."""
    with pytest.raises(ConfigError) as caught:
        load([written(tmp_path, text)])
    assert caught.value.message.startswith(f"{tmp_path}/job.yaml:1: ")
    assert expected in caught.value.message


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    """Nobody wants to mend one key a run."""
    with pytest.raises(ConfigError) as caught:
        load([written(tmp_path, "enrich:\n  batch_size: 0\n  maxlag: -1\n")])
    assert len(caught.value.message.splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: [", r"is not YAML: .* at line \d, column \d"),
        (b"- a\n", "must be a mapping"),
        (b"\xff\xfe\xff", "is not UTF-8 at byte 0"),
    ],
)
def test_a_file_that_is_no_mapping_in_yaml_is_told_so(tmp_path: Path, content: bytes, expected: str) -> None:
    """The file is named."""
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"bad.yaml: {expected}"):
        read_file(file)


def test_a_missing_file_is_told_so(tmp_path: Path) -> None:
    """With the reason of the system."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_file(tmp_path / "none.yaml")


def test_an_empty_file_is_an_empty_layer(tmp_path: Path) -> None:
    """A mounted but empty file is common and harmless."""
    assert load([written(tmp_path, "# nothing\n")]).configuration == Configuration()


@pytest.mark.parametrize("text", ["enrich.batch_size", "=3", "a..b=1", "a=[1"])
def test_an_assignment_that_cannot_be_read_is_an_error(text: str) -> None:
    """It shows what was expected."""
    with pytest.raises(ConfigError, match="--set"):
        parse_assignment(text)


def test_an_assignment_is_read_as_yaml() -> None:
    """Numbers, lists and empty values are what they look like; further equals signs belong to the value."""
    assert parse_assignment("a.b=[x, 1]") == (("a", "b"), ["x", 1])
    assert parse_assignment("a=b=c") == (("a",), "b=c")


def test_an_assignment_below_a_value_is_an_error() -> None:
    """A key cannot be set below something that is not a mapping."""
    layer = assigned("enrich=3")
    with pytest.raises(ConfigError, match="enrich is not a mapping"):
        layer.put(("enrich", "maxlag"), 3, "--set")


def test_kafka_properties_are_text_whatever_yaml_makes_of_them(tmp_path: Path) -> None:
    """`true` and numbers are what librdkafka reads as text."""
    text = "stream_manager: {sink: {options: {properties: {max.request.size: 10485760, enable.x: true}}}}"
    options = load([written(tmp_path, text)]).configuration.stream_manager.sink.options
    assert options.properties == {"max.request.size": "10485760", "enable.x": "true"}


def test_a_configuration_is_frozen() -> None:
    """A value, not a variable."""
    with pytest.raises(ValueError, match="frozen"):
        Configuration().enrich.batch_size = 3


def test_every_setting_says_what_it_does() -> None:
    """Schema, docs and errors take the description from the one place where the key is declared."""
    without: list[str] = []
    models: list[type[BaseModel]] = [Configuration]
    for model in models:
        without += [f"{model.__name__}.{name}" for name, field in model.model_fields.items() if not field.description]
        nested = [field.annotation for field in model.model_fields.values()]
        models += [kind for kind in nested if isinstance(kind, type) and issubclass(kind, BaseModel)]
    assert len(models) > 8
    assert without == []


def test_merging_keeps_where_each_key_was_written(tmp_path: Path) -> None:
    """The last writer of a key is the one that errors name."""
    layer = merge([written(tmp_path, "enrich: {maxlag: 1}"), assigned("enrich.maxlag=2")])
    assert layer.origins["enrich", "maxlag"] == "--set"


def test_the_guarantees_are_spelt_as_in_the_public_configuration() -> None:
    """Files of the public jobs run as they are."""
    assert [guarantee.value for guarantee in DeliveryGuarantee] == ["NONE", "AT_LEAST_ONCE", "EXACTLY_ONCE"]
