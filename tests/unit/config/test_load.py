"""Configuration: layers override each other in order, errors name key and origin, unknown keys survive a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel
from tests.support.limited_process import run_limited

from wikistate.config.layers import Layer, merge, parse_assignment, read_file
from wikistate.config.load import load
from wikistate.config.model import Configuration, DeliveryGuarantee
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str, name: str = "job.yaml") -> Layer:
    """Return a layer of a file."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_file(file)


def assigned(*assignments: str) -> Layer:
    """Return a layer of the command line."""
    layer = Layer(strict=True)
    for assignment in assignments:
        layer.put(*parse_assignment(assignment), "--set")
    return layer


def test_later_layers_override_keys_and_replace_lists(tmp_path: Path) -> None:
    """Two files and an assignment are merged deeply; keys of the first file only stay."""
    first = written(tmp_path, "enrich: {batch_size: 10, maxlag: 3}\nstream_manager: {schema_uris: [a, b]}\n", "a.yaml")
    second = written(tmp_path, "enrich: {batch_size: 20}\nstream_manager: {schema_uris: [c]}\n", "b.yaml")
    configuration = load([first, second, assigned("enrich.batch_size=30")]).configuration
    assert (configuration.enrich.batch_size, configuration.enrich.maxlag) == (30, 3)
    assert configuration.stream_manager.schema_uris == ["c"]


def test_unknown_key_in_file_is_ignored_with_warning(tmp_path: Path) -> None:
    """After a rollback an older version must accept the file. The warning names the line and the nearest key."""
    loaded = load([written(tmp_path, "enrich:\n  batch_size: 7\n  request_timeuot: 3\n")])
    assert loaded.configuration.enrich.batch_size == 7
    (warning,) = loaded.warnings
    assert warning.startswith(f"{tmp_path}/job.yaml:3: enrich.request_timeuot: there is no such key")
    assert "did you mean enrich.request_timeout?" in warning


def test_unknown_key_on_command_line_is_an_error() -> None:
    """A command line can be corrected immediately."""
    with pytest.raises(ConfigError, match=r"--set: enrich.batchsize: .* did you mean enrich.batch_size\?"):
        load([assigned("enrich.batchsize=20")])


def test_error_of_unknown_key_without_near_key_lists_known_keys() -> None:
    """This also holds below a named wiki, where the path contains a key of a map."""
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
def test_error_of_invalid_value_names_origin_key_value_and_allowed_values(
    tmp_path: Path, text: str, expected: str
) -> None:
    """Each error is one line with the next step."""
    with pytest.raises(ConfigError) as caught:
        load([written(tmp_path, text)])
    assert caught.value.message.startswith(f"{tmp_path}/job.yaml:1: ")
    assert expected in caught.value.message


def test_all_errors_are_reported_together(tmp_path: Path) -> None:
    """One run shows all keys to correct."""
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
def test_error_of_invalid_yaml_file_names_it(tmp_path: Path, content: bytes, expected: str) -> None:
    """The reason follows the name of the file."""
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"bad.yaml: {expected}"):
        read_file(file)


def test_error_of_missing_file_has_reason_of_system(tmp_path: Path) -> None:
    """The error names the file and the flag."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_file(tmp_path / "none.yaml")


def test_empty_file_is_an_empty_layer(tmp_path: Path) -> None:
    """An empty file that is mounted is common and harmless."""
    assert load([written(tmp_path, "# nothing\n")]).configuration == Configuration()


@pytest.mark.parametrize("text", ["enrich.batch_size", "=3", "a..b=1", "a=[1"])
def test_invalid_assignment_is_an_error(text: str) -> None:
    """It shows the expected form."""
    with pytest.raises(ConfigError, match="--set"):
        parse_assignment(text)


def test_assignment_is_parsed_as_yaml() -> None:
    """Numbers, lists and empty values have their types; further equals signs belong to the value."""
    assert parse_assignment("a.b=[x, 1]") == (("a", "b"), ["x", 1])
    assert parse_assignment("a=b=c") == (("a",), "b=c")


def test_assignment_below_a_value_is_an_error() -> None:
    """A key cannot be set below something that is not a mapping."""
    layer = assigned("enrich=3")
    with pytest.raises(ConfigError, match="enrich is not a mapping"):
        layer.put(("enrich", "maxlag"), 3, "--set")


def test_kafka_properties_are_text_for_each_yaml_type(tmp_path: Path) -> None:
    """Librdkafka reads `true` and numbers as text."""
    text = "stream_manager: {sink: {options: {properties: {max.request.size: 10485760, enable.x: true}}}}"
    options = load([written(tmp_path, text)]).configuration.stream_manager.sink.options
    assert options.properties == {"max.request.size": "10485760", "enable.x": "true"}


def test_configuration_is_immutable() -> None:
    """It is a value and not a variable."""
    with pytest.raises(ValueError, match="frozen"):
        Configuration().enrich.batch_size = 3


def test_each_setting_has_a_description() -> None:
    """Schema, docs and errors use the description at the declaration of the key."""
    without: list[str] = []
    models: list[type[BaseModel]] = [Configuration]
    for model in models:
        without += [f"{model.__name__}.{name}" for name, field in model.model_fields.items() if not field.description]
        nested = [field.annotation for field in model.model_fields.values()]
        models += [kind for kind in nested if isinstance(kind, type) and issubclass(kind, BaseModel)]
    assert len(models) > 8
    assert without == []


def test_merged_layer_keeps_origin_of_each_key(tmp_path: Path) -> None:
    """Errors name the last origin of a key."""
    layer = merge([written(tmp_path, "enrich: {maxlag: 1}"), assigned("enrich.maxlag=2")])
    assert layer.origins["enrich", "maxlag"] == "--set"


def test_delivery_guarantees_have_names_of_public_configuration() -> None:
    """Files of the public jobs run unchanged."""
    assert [guarantee.value for guarantee in DeliveryGuarantee] == ["NONE", "AT_LEAST_ONCE", "EXACTLY_ONCE"]


@pytest.mark.parametrize("number", ["9223372036854775808", "-1.0e+30", ".inf", ".nan", "9" * 30])
def test_number_beyond_64_bits_is_an_error(number: str) -> None:
    """The error names the origin, the key and the bounds."""
    with pytest.raises(ConfigError, match=r"--set: local\.drain_timeout: found .*; numbers must be from -9223"):
        load([assigned(f"local.drain_timeout={number}")])


def test_number_that_python_does_not_convert_is_an_error(tmp_path: Path) -> None:
    """Python converts at most 4,300 digits."""
    with pytest.raises(ConfigError, match="is not YAML"):
        written(tmp_path, f"local: {{drain_timeout: {'9' * 5000}}}")
    with pytest.raises(ConfigError, match="is not YAML"):
        parse_assignment(f"a={'9' * 5000}")


@pytest.mark.parametrize(
    "value", ["!!timestamp x", "!!bool x", '!!int ""', '!!float ""', "!!set [1]", "!!python/name:os.x a"]
)
def test_tag_that_does_not_fit_its_value_is_an_error(tmp_path: Path, value: str) -> None:
    """The converters of YAML raise several errors of Python, none of which is a defect of this program."""
    with pytest.raises(ConfigError, match="is not YAML"):
        written(tmp_path, f"local: {{drain_timeout: {value}}}")
    with pytest.raises(ConfigError, match="is not YAML"):
        parse_assignment(f"a={value}")


def test_byte_order_mark_before_a_file_is_removed(tmp_path: Path) -> None:
    """Editors write one."""
    layer = written(tmp_path, "\ufeffenrich: {batch_size: 10}\n")
    assert load([layer]).configuration.enrich.batch_size == 10


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? "])
def test_settings_that_are_nested_deeply_are_rejected(opening: str, tmp_path: Path) -> None:
    """A parser that calls itself for each depth would end the process."""
    file = tmp_path / "config.yaml"
    file.write_text(opening * 30_000)
    found = run_limited(
        """
        import sys
        from pathlib import Path
        from wikistate.config.layers import parse_assignment, read_file
        from wikistate.errors import ConfigError
        for read in (read_file, lambda file: parse_assignment(f"a.b={file.read_text()}")):
            try:
                read(Path(sys.argv[1]))
            except ConfigError as error:
                print(error.message[-80:])
        """,
        str(file),
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("maximum recursion depth exceeded") == 2
