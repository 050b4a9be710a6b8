"""The questions that other layers ask an endpoint, for each connector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.connectors.connector import SharedClients
from wikistate.adapters.connectors.eventstreams.endpoint import EventStreamsEndpoint
from wikistate.adapters.connectors.files.connector import FileConnector
from wikistate.adapters.connectors.files.endpoint import FileEndpoint
from wikistate.adapters.connectors.kafka.endpoint import KafkaSinkEndpoint, KafkaSourceEndpoint
from wikistate.adapters.connectors.parquet.endpoint import ParquetEndpoint
from wikistate.adapters.connectors.parquet.sink import ParquetSink
from wikistate.adapters.http.client import HttpSettings
from wikistate.config.connectors import FileSinkOptions
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.adapters.connectors.connector import SinkEndpoint, SourceEndpoint

LOGIN = {"sasl.username": "me", "fetch.min.bytes": "1"}
TOPICS = KafkaSourceEndpoint(
    bootstrap_servers="b:1", topics=("a",), group="g", start="committed", end="", properties=LOGIN
)
TOPIC = KafkaSinkEndpoint(bootstrap_servers="b:1", topic="out", properties={}, key="sink", topic_prefix="eqiad.")
FILE = FileEndpoint(path="out/a.ndjson.gz")
STANDARD = FileEndpoint(path="-")
FOLDER = ParquetEndpoint(path="lake", roll_bytes=1, roll_seconds=1.0)
STREAMS = EventStreamsEndpoint(
    base="http://s/", streams=("a",), since="", end="", max_record_bytes=9, http=HttpSettings(), state=Path("state")
)


def test_replay_reads_from_last_replay_to_current_end() -> None:
    """A group or a bookmark stores its position, separately for each filter."""
    replay = TOPICS.for_replay("-f")
    assert (replay.group, replay.start, replay.end) == ("wikistate-replay-f", "earliest", "latest")
    assert TOPICS.for_replay("-f", group="mine").group == "mine"
    assert FILE.for_replay("-f").bookmark == "out/a.ndjson.gz.replayed-f"


@pytest.mark.parametrize(("endpoint", "message"), [(STANDARD, "twice"), (STREAMS, "a Kafka topic or a file")])
def test_replay_needs_a_source_that_can_be_read_twice(endpoint: SourceEndpoint, message: str) -> None:
    """The error names the connectors that can be replayed."""
    with pytest.raises(ConfigError, match=message):
        endpoint.for_replay("")


def test_checkpoint_makes_a_static_member() -> None:
    """The operator may name the member; other sources are unchanged."""
    assert TOPICS.for_checkpoint().properties == {"group.instance.id": "g", **LOGIN}
    named = replace(TOPICS, properties={"group.instance.id": "m"})
    assert named.for_checkpoint().properties == {"group.instance.id": "m"}
    assert (FILE.for_checkpoint(), STREAMS.for_checkpoint()) == (FILE, STREAMS)


def test_single_reader_needs_one_stream() -> None:
    """It reads without a group, and from the beginning unless the settings name a start."""
    single = TOPICS.for_single_reader("")
    assert single is not None
    assert (single.start, single.single_partition) == ("earliest", True)
    followed = STREAMS.for_single_reader("eqiad.a")
    assert followed is not None
    assert (followed.topic, followed.single_topic) == ("eqiad.a", True)
    assert FILE.for_single_reader("") == FILE
    two = replace(TOPICS, topics=("a", "b"))
    assert two.for_single_reader("") is None


@pytest.mark.parametrize(("sink", "side"), [(FILE, "out/a.side.ndjson.gz"), (STANDARD, "-"), (FOLDER, "-")])
def test_second_stream_shares_a_file_and_side_outputs_do_not(sink: SinkEndpoint, side: str) -> None:
    """Side outputs of a folder and of standard output are written to standard error."""
    assert sink.for_stream("s") == sink
    assert sink.for_side_output("s") == FileEndpoint(path=side)


@pytest.mark.parametrize(
    ("path", "side", "errors"),
    [
        ("out.ndjson", "out.side.ndjson", "out.errors.ndjson"),
        ("a/b.c/out.ndjson.zst", "a/b.c/out.side.ndjson.zst", "a/b.c/out.errors.ndjson.zst"),
        ("./my.wiki.example.ndjson", "./my.wiki.example.side.ndjson", "./my.wiki.example.errors.ndjson"),
        ("page_change.v1.json.gz", "page_change.v1.side.json.gz", "page_change.v1.errors.json.gz"),
        ("out", "out.side", "out.errors"),
        ("my.wiki.example", "my.wiki.example.side", "my.wiki.example.errors"),
        ("my.wiki.example.gz", "my.wiki.example.side.gz", "my.wiki.example.errors.gz"),
        ("127.0.0.1", "127.0.0.1.side", "127.0.0.1.errors"),
        ("OUT.NDJSON.GZ", "OUT.side.NDJSON.GZ", "OUT.errors.NDJSON.GZ"),
        (".ndjson", ".ndjson.side", ".ndjson.errors"),
        (".hidden", ".hidden.side", ".hidden.errors"),
        ("out.gz", "out.side.gz", "out.errors.gz"),
    ],
)
def test_files_beside_another_have_its_whole_name(path: str, side: str, errors: str) -> None:
    """A name may have dots, as that of a host has; only the format and the compression are endings."""
    endpoint = FileEndpoint(path=path)
    assert endpoint.for_side_output("s").path == side
    assert FileConnector().default_error_sink(FileSinkOptions(path=path)).options == {"path": errors}


def test_second_stream_and_side_output_of_a_topic_are_topics() -> None:
    """The prefix applies unless the settings name the topic."""
    streams = (TOPIC.for_stream("s"), TOPIC.for_stream("s", "named"), TOPIC.for_side_output("s"))
    assert [endpoint.topic for endpoint in streams] == ["eqiad.s", "named", "eqiad.s"]


def test_only_topics_are_created() -> None:
    """Of the properties of a consumer only those of the connection apply to the creation."""
    read, written = TOPICS.topics_to_create, TOPIC.topics_to_create
    assert (read.names, read.properties) == (("a",), {"sasl.username": "me"})
    assert (written.names, written.key) == (["out"], "sink.properties")
    assert (FILE.topics_to_create, STREAMS.topics_to_create, FOLDER.topics_to_create) == (None, None, None)


def test_sinks_of_one_file_share_a_writer(tmp_path: Path) -> None:
    """Two writers would mix their lines; different files have different writers."""
    clients = SharedClients()
    first, second = (FileEndpoint(path=str(tmp_path / "a")).build_sink(clients, standard_stream=1) for _ in range(2))
    assert first is second
    assert FileEndpoint(path=str(tmp_path / "b")).build_sink(clients, standard_stream=1) is not first
    output, error = (STANDARD.build_sink(clients, standard_stream=number) for number in (1, 2))
    assert output is not error


def test_folder_is_written_only_with_positions() -> None:
    """A job without them cannot write it."""
    with pytest.raises(ConfigError, match="does not write into a Parquet folder"):
        FOLDER.build_sink(SharedClients(), standard_stream=1)
    assert isinstance(FOLDER.build_table_sink("group"), ParquetSink)


def test_only_a_wiki_has_a_clock() -> None:
    """Callers check the capability first."""
    assert not TOPICS.capabilities.wiki
    with pytest.raises(NotImplementedError, match="KafkaSourceEndpoint"):
        TOPICS.with_wiki_clock(print)


def test_record_limit_of_a_topic_leaves_room_for_key_and_framing() -> None:
    """The property of either client is used; a value that is not a number is an error."""
    limits = [
        KafkaSinkEndpoint(bootstrap_servers="b:1", topic="t", properties=properties, key="k").max_record_bytes
        for properties in ({}, {"max.request.size": "5000"}, {"message.max.bytes": "1"})
    ]
    assert limits == [997_952, 2_952, 1]
    wrong = KafkaSinkEndpoint(bootstrap_servers="b:1", topic="t", properties={"max.request.size": "1M"}, key="k")
    with pytest.raises(ConfigError, match="not a number of bytes"):
        assert wrong.max_record_bytes


def test_replay_does_not_report_a_start_that_no_setting_names() -> None:
    """It begins at the oldest record by default; a later replay resumes, as it should."""
    assert TOPICS.start != "earliest"
    assert not TOPICS.for_replay("").reports_ignored_start
    assert replace(TOPICS, start="earliest").for_replay("").reports_ignored_start
