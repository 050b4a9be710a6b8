"""Errors of the command line: location, expected value and next step; the exit code names the part that is at fault."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import RunCommand

CONFIG, INPUT, EXTERNAL = 2, 3, 4
RUN = ("run", "page-content-change")
FROM_INPUT = (*RUN, "--source", "-")
TO_KAFKA = (*FROM_INPUT, "--sink", "kafka://127.0.0.1:9/out")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "page-content-chnage"), ["no job 'page-content-chnage'", "Did you mean page-content-change?"]),
        ((*RUN, "--enrich", "m:f"), ["--enrich is for the job custom"]),
        (("run", "custom", "--source", "-"), ["custom.enrich is missing", "--enrich my_module:enrich"]),
        (("run", "custom", "--source", "-", "--enrich", "not_there:f"), ["there is no module not_there"]),
        (
            (*FROM_INPUT, "--set", "filter.kinds=[edits]"),
            ["'edits', which is not a kind of change", "visibility_change"],
        ),
        (
            (*FROM_INPUT, "--set", "filter.fields=[page.titel]"),
            ["filter.fields has page.titel", "Allowed are: page_id"],
        ),
        (RUN, ["stream_manager.source.connector is missing", "--source kafka://host:port/topic"]),
        ((*RUN, "--source", "http://x/y"), ["--source is 'http://x/y'", "kafka://host:port", "file:PATH"]),
        ((*RUN, "--source", "kafka://h:1/t?grup=a"), ["--source has the option 'grup'", "Allowed: group, start, end"]),
        ((*FROM_INPUT, "--sink", "kafka://h:1/a,b"), ["--sink: a sink takes one topic and no options"]),
        ((*FROM_INPUT, "--set", "enrich"), ["--set enrich: expected path.to.key=value"]),
        ((*FROM_INPUT, "--set", "enrich.batchsize=2"), ["no such key; did you mean enrich.batch_size?"]),
        ((*FROM_INPUT, "--set", "enrich.batch_size=many"), ["enrich.batch_size: found 'many'", "valid integer"]),
        ((*FROM_INPUT, "--config", "none.yaml"), ["none.yaml: cannot be read: No such file", "path after --config"]),
        ((*FROM_INPUT, "--wiki", "my.wiki"), ["--wiki my.wiki: expected DOMAIN=API_URL"]),
        ((*FROM_INPUT, "--wiki", "my.wiki=nowhere"), ["'nowhere' cannot be the URL of an Action API", "https://"]),
        ((*FROM_INPUT, "--metrics-port", "70000"), ["--metrics-port", "found 70000", "less than or equal to 65535"]),
        (
            (*FROM_INPUT, "--set", "stream_manager.sink.options.delivery_guarantee=EXACTLY_ONCE"),
            ["EXACTLY_ONCE needs Kafka as source, sink and error sink", "Use AT_LEAST_ONCE"],
        ),
        (
            (*FROM_INPUT, "--set", "stream_manager.source.stream=mediawiki.page_change.v1"),
            ["stream_manager.source.stream is 'mediawiki.page_change.v1', not <stream>:<schema version>"],
        ),
        (
            (*FROM_INPUT, "--set", "stream_manager.stream_config_uri=/nowhere/streams.yaml"),
            ["no stream configuration at /nowhere/streams.yaml", "Correct stream_manager.stream_config_uri"],
        ),
        (
            (*TO_KAFKA, "--set", "stream_manager.sink.options.properties.compresion.type=zstd"),
            [
                "stream_manager.sink.options.properties.compresion.type is not a property",
                "Did you mean compression.type?",
            ],
        ),
        (
            (*TO_KAFKA, "--set", "stream_manager.sink.options.properties.max.request.size=10MB"),
            ["max.request.size", "10MB"],
        ),
        (
            (
                *TO_KAFKA,
                *("--set", "stream_manager.sink.options.properties.security.protocol=SASL_PLAINTEXT"),
                *("--set", "stream_manager.sink.options.properties.sasl.mechanism=GSSAPI"),
            ),
            ["Kerberos (SASL mechanism GSSAPI)", "Use SCRAM-SHA-512"],
        ),
        (("frobnicate",), ["No such command 'frobnicate'"]),
        (("run",), ["Missing argument 'JOB'"]),
        ((*RUN, "--sorce", "-"), ["No such option: --sorce"]),
    ],
)
def test_mistake_of_the_operator_is_exit_code_2_with_the_next_step(
    run_command: RunCommand, arguments: tuple[str, ...], expected: list[str]
) -> None:
    """The command reads nothing, and prints neither standard output nor a traceback."""
    result = run_command(*arguments)
    assert (result.code, result.out) == (CONFIG, "")
    assert "Traceback" not in result.err
    for text in expected:
        assert text in result.err


def test_missing_schema_version_is_exit_code_3_and_names_all_repositories(
    run_command: RunCommand, tmp_path: Path
) -> None:
    """The error names the addresses in the order of the setting; exit code 3 means that a document is at fault."""
    bases = f"stream_manager.schema_uris=[{tmp_path.as_uri()}, 'bundled:jsonschema']"
    result = run_command(
        *FROM_INPUT, "--set", bases, "--set", "stream_manager.source.stream=mediawiki.page_change.v1:1.99.0"
    )
    assert result.code == INPUT
    first, second = (f"{base}/mediawiki/page/change/1.99.0.yaml" for base in (tmp_path.as_uri(), "bundled:jsonschema"))
    assert 0 < result.err.index(first) < result.err.index(second)
    assert "schema_uris" in result.err


def test_unknown_stream_is_exit_code_3_and_names_the_nearest(run_command: RunCommand) -> None:
    """A misspelt stream is an error of the stream configuration, which does not contain it."""
    result = run_command(*FROM_INPUT, "--set", "stream_manager.source.stream=mediawiki.page_chnge.v1:1.7.0")
    assert result.code == INPUT
    assert "no stream 'mediawiki.page_chnge.v1'; near it is mediawiki.page_change.v1" in result.err


def test_unreachable_stream_configuration_is_exit_code_4(run_command: RunCommand) -> None:
    """The error names the whole request and the setting to check."""
    result = run_command(
        *FROM_INPUT, "--set", f"stream_manager.stream_config_uri=http://127.0.0.1:{closed_port()}/w/api.php"
    )
    assert result.code == EXTERNAL
    assert "/w/api.php?action=streamconfigs" in result.err
    assert "Connection refused" in result.err
    assert "http_client_routes" in result.err


def test_missing_source_file_is_exit_code_4(run_command: RunCommand, tmp_path: Path) -> None:
    """The error names the path and the reason of the operating system."""
    result = run_command(*RUN, "--source", tmp_path / "none.ndjson", "--sink", tmp_path / "out.ndjson")
    assert result.code == EXTERNAL
    assert f"{tmp_path / 'none.ndjson'} cannot be read" in result.err
    assert "No such file" in result.err


def test_metrics_port_in_use_is_reported_before_anything_is_read(run_command: RunCommand, tmp_path: Path) -> None:
    """The output file does not exist afterwards."""
    source = write_deletions(tmp_path / "in.ndjson")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run_command(*RUN, "--source", source, "--sink", tmp_path / "out.ndjson", "--metrics-port", str(port))
    assert result.code == CONFIG
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in result.err
    assert "0 selects a free port" in result.err
    assert not (tmp_path / "out.ndjson").exists()


def test_unknown_key_in_a_file_is_a_warning_and_the_job_runs(run_command: RunCommand, tmp_path: Path) -> None:
    """The log names file, line and the nearest key; after a rollback, a newer file must not stop the job."""
    (config := tmp_path / "job.yaml").write_text("enrich:\n  request_timeuot: 3\n")
    source = write_deletions(tmp_path / "in.ndjson")
    result = run_command(*RUN, "--config", config, "--source", source, "--sink", tmp_path / "out.ndjson")
    assert result.code == 0
    assert f"{config}:2: enrich.request_timeuot: there is no such key" in result.err
    assert "did you mean enrich.request_timeout?" in result.err
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 3


def closed_port() -> int:
    """Return the number of a port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
