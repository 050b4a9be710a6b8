"""What an operator sees of a mistake: where it is, what was expected, what to do next; and the exit code says whose it is."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from tests.unit.cli.deletions import write_deletions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tell

CONFIG, INPUT, EXTERNAL = 2, 3, 4
RUN = ("run", "page-content-change")
FROM_INPUT = (*RUN, "--source", "-")
TO_KAFKA = (*FROM_INPUT, "--sink", "kafka://127.0.0.1:9/out")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "page-content-chnage"), ["no job 'page-content-chnage'", "Did you mean page-content-change?"]),
        ((*RUN, "--enrich", "m:f"), ["--enrich is for the job custom"]),
        (("run", "custom", "--source", "-"), ["custom.enrich is missing", "--enrich my_module:enrich"]),
        (("run", "custom", "--source", "-", "--enrich", "not_there:f"), ["there is no module not_there"]),
        ((*FROM_INPUT, "--set", "filter.kinds=[edits]"), ["'edits', which is no kind of change", "visibility_change"]),
        ((*FROM_INPUT, "--set", "filter.fields=[page.titel]"), ["filter.fields has page.titel", "There are: page_id"]),
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
def test_a_mistake_of_the_operator_is_exit_code_2_and_says_what_to_do(
    tell: Tell, words: tuple[str, ...], said: list[str]
) -> None:
    """Nothing was read, nothing is written to standard output, and no traceback is shown."""
    told = tell(*words)
    assert (told.code, told.out) == (CONFIG, "")
    assert "Traceback" not in told.err
    for text in said:
        assert text in told.err


def test_a_schema_version_that_nobody_has_names_all_places_that_were_tried(tell: Tell, tmp_path: Path) -> None:
    """In their order, and the exit code says that a document is at fault."""
    bases = f"stream_manager.schema_uris=[{tmp_path.as_uri()}, 'bundled:jsonschema']"
    told = tell(*FROM_INPUT, "--set", bases, "--set", "stream_manager.source.stream=mediawiki.page_change.v1:1.99.0")
    assert told.code == INPUT
    first, second = (f"{base}/mediawiki/page/change/1.99.0.yaml" for base in (tmp_path.as_uri(), "bundled:jsonschema"))
    assert 0 < told.err.index(first) < told.err.index(second)
    assert "schema_uris" in told.err


def test_a_stream_that_is_not_configured_names_the_nearest(tell: Tell) -> None:
    """A misspelt stream is an error of the document that lacks it."""
    told = tell(*FROM_INPUT, "--set", "stream_manager.source.stream=mediawiki.page_chnge.v1:1.7.0")
    assert told.code == INPUT
    assert "no stream 'mediawiki.page_chnge.v1'; near it is mediawiki.page_change.v1" in told.err


def test_a_stream_configuration_that_cannot_be_reached_is_exit_code_4(tell: Tell) -> None:
    """It names the whole request and what to check."""
    told = tell(*FROM_INPUT, "--set", f"stream_manager.stream_config_uri=http://127.0.0.1:{closed_port()}/w/api.php")
    assert told.code == EXTERNAL
    assert "/w/api.php?action=streamconfigs" in told.err
    assert "Connection refused" in told.err
    assert "http_client_routes" in told.err


def test_a_source_file_that_is_not_there_is_exit_code_4(tell: Tell, tmp_path: Path) -> None:
    """The path and the system's reason are named."""
    told = tell(*RUN, "--source", tmp_path / "none.ndjson", "--sink", tmp_path / "out.ndjson")
    assert told.code == EXTERNAL
    assert f"{tmp_path / 'none.ndjson'} cannot be read" in told.err
    assert "No such file" in told.err


def test_a_metrics_port_in_use_is_named_before_anything_is_read(tell: Tell, tmp_path: Path) -> None:
    """The output does not exist afterwards."""
    source = write_deletions(tmp_path / "in.ndjson")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = tell(*RUN, "--source", source, "--sink", tmp_path / "out.ndjson", "--metrics-port", str(port))
    assert told.code == CONFIG
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in told.err
    assert "0 takes a free one" in told.err
    assert not (tmp_path / "out.ndjson").exists()


def test_an_unknown_key_in_a_file_is_a_warning_and_the_job_runs(tell: Tell, tmp_path: Path) -> None:
    """The log names file, line and the nearest key; after a rollback a newer file must not stop the job."""
    (config := tmp_path / "job.yaml").write_text("enrich:\n  request_timeuot: 3\n")
    source = write_deletions(tmp_path / "in.ndjson")
    told = tell(*RUN, "--config", config, "--source", source, "--sink", tmp_path / "out.ndjson")
    assert told.code == 0
    assert f"{config}:2: enrich.request_timeuot: there is no such key" in told.err
    assert "did you mean enrich.request_timeout?" in told.err
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 3


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
