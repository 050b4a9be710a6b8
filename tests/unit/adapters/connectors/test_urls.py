"""The short way to name an end, and the words for where a source starts and ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.connectors.start_stop import (
    Bound,
    Committed,
    LatestAtStart,
    Moment,
    Offsets,
    format_bound,
    parse_end,
    parse_start,
)
from wikistate.adapters.connectors.urls import (
    EventStreamsUrl,
    FileUrl,
    KafkaUrl,
    ParquetUrl,
    RecentChangesUrl,
    StandardStream,
    parse_url,
)
from wikistate.errors import ConfigError

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-", StandardStream()),
        ("file:events.ndjson", FileUrl("events.ndjson")),
        ("file:/var/events.ndjson.zst", FileUrl("/var/events.ndjson.zst")),
        ("file:///var/events.ndjson", FileUrl("/var/events.ndjson")),
        ("file://localhost/var/events.ndjson", FileUrl("/var/events.ndjson")),
        ("file:with%20space", FileUrl("with space")),
        ("events.ndjson.gz", FileUrl("events.ndjson.gz")),
        ("/var/100%.ndjson", FileUrl("/var/100%.ndjson")),
        ("kafka://broker:9092/topic", KafkaUrl("broker:9092", ("topic",))),
        (
            "kafka://a:9093,b:9093/eqiad.mediawiki.page_change.v1,codfw.mediawiki.page_change.v1?group=job.000",
            KafkaUrl(
                "a:9093,b:9093",
                ("eqiad.mediawiki.page_change.v1", "codfw.mediawiki.page_change.v1"),
                group="job.000",
            ),
        ),
        ("eventstreams:mediawiki.page_change.v1", EventStreamsUrl(("mediawiki.page_change.v1",))),
        (
            "eventstreams:a,b?since=2026-01-31T12:00:00Z&end=latest&base=http://localhost:8092/v2/stream/",
            EventStreamsUrl(
                ("a", "b"), base="http://localhost:8092/v2/stream/", since=Moment(NOON), end=LatestAtStart()
            ),
        ),
        ("recentchanges:https://my.wiki/w/api.php", RecentChangesUrl("https://my.wiki/w/api.php")),
        (
            "recentchanges:http://localhost:80/api.php?since=2026-01-31T13:00:00+01:00",
            RecentChangesUrl("http://localhost:80/api.php", since=Moment(NOON)),
        ),
        (
            "kafka://[::1]:9092/t?start=earliest&end=latest",
            KafkaUrl("[::1]:9092", ("t",), start=Committed(Bound.EARLIEST), end=LatestAtStart()),
        ),
        (
            "kafka://b:1/t?start=2026-01-31T12:00:00Z&end=2026-01-31T14:00:00.5+02:00",
            KafkaUrl("b:1", ("t",), start=Moment(NOON), end=Moment(NOON + 500)),
        ),
    ],
)
def test_an_end_is_read(text: str, expected: object) -> None:
    """Every form that is documented means what the documentation says."""
    assert parse_url(text, key="--source") == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no source or sink"),
        ("http://host/topic", "names no source or sink"),
        ("eventstreams:", "names no stream"),
        ("eventstreams:https://host/v2/stream/name", "names no stream"),
        ("eventstreams:a?start=latest", "start"),
        ("eventstreams:a?since=yesterday", "no position"),
        ("recentchanges:my.wiki", "no Action API"),
        ("recentchanges:https://Bot:secret@my.wiki/w/api.php", "no Action API"),
        ("recentchanges:https://my.wiki/w/api.php?base=x", "base"),
        ("kafka:/topic", "no address of Kafka topics|names no source"),
        ("kafka://broker:9092", "no address of Kafka topics"),
        ("kafka://broker:9092/", "no address of Kafka topics"),
        ("kafka:///topic", "no address of Kafka topics"),
        ("kafka://broker:9092/a/b", "no address of Kafka topics"),
        ("kafka://broker:9092/t?offset=3", "option 'offset'"),
        ("kafka://broker:9092/t?start=yesterday", "which is no position"),
        ("kafka://broker:9092/t?start=2026-01-31T12:00:00", "which is no position"),
        ("kafka://broker:9092/t?end=earliest", "which is no position"),
        ("file://other/var/events", "another host"),
        ("file:", "names no file"),
    ],
)
def test_what_is_no_end_is_an_error_that_shows_what_is(text: str, says: str) -> None:
    """The error names the option and shows what may stand there."""
    with pytest.raises(ConfigError, match=says) as caught:
        parse_url(text, key="--source")
    assert caught.value.hint
    assert str(caught.value.ids["key"]).startswith("--source")


def test_a_password_in_an_address_is_not_repeated() -> None:
    """Who writes credentials where they do not belong does not find them in the log."""
    with pytest.raises(ConfigError) as caught:
        parse_url("kafka://user:hunter2@broker:9092/topic", key="--source")
    assert "hunter2" not in str(caught.value)
    assert "Credentials" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("committed", Committed(Bound.LATEST)),
        ("latest", Committed(Bound.LATEST)),
        ("", Committed(Bound.LATEST)),
        ("earliest", Committed(Bound.EARLIEST)),
        ("2026-01-31T12:00:00Z", Moment(NOON)),
        ("2026-01-31T13:00:00+01:00", Moment(NOON)),
    ],
)
def test_a_start_is_read(text: str, start: object) -> None:
    """The words of `offsets_initializer`: a group that has committed goes on there, whatever the word."""
    assert parse_start(text, key="k") == start


def test_an_empty_end_is_never() -> None:
    """Without an end a source goes on for ever."""
    assert parse_end("", key="k") is None


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_described_moment_is_read_as_itself(time: datetime) -> None:
    """Describing and parsing are inverse, to the millisecond."""
    moment = Moment(int(time.timestamp() * 1000))
    assert parse_start(format_bound(moment), key="k") == moment
    assert parse_end(format_bound(moment), key="k") == moment


@pytest.mark.parametrize("start", [Committed(Bound.LATEST), Committed(Bound.EARLIEST)])
def test_a_described_start_is_read_as_itself(start: Committed) -> None:
    """The same for the words."""
    assert parse_start(format_bound(start), key="k") == start
    assert parse_end(format_bound(LatestAtStart()), key="k") == LatestAtStart()


def test_offsets_are_read_as_a_start_and_as_an_end() -> None:
    """By partition, for several topics with their names."""
    stated = Offsets((("", 0, 120), ("", 1, 95)))
    assert parse_start("offset:0=120,1=95", key="k") == parse_end("offset:0=120,1=95", key="k") == stated
    named = parse_start("offset:eqiad.changes/0=7,codfw.changes/0=9", key="k")
    assert isinstance(named, Offsets)
    assert [named.get(topic, 0) for topic in ("eqiad.changes", "codfw.changes", "other")] == [7, 9, None]
    assert [stated.get("any", number) for number in (0, 1, 2)] == [120, 95, None]
    for position in (stated, named):
        assert parse_start(format_bound(position), key="k") == position


@pytest.mark.parametrize(
    "text", ["offset:", "offset:5", "offset:0=", "offset:0=-1", "offset:0=1,0=2", "offset:0=1;1=2"]
)
def test_what_states_no_offsets_is_refused(text: str) -> None:
    """Nothing is guessed: neither a partition nor a second offset for one."""
    with pytest.raises(ConfigError, match="states no offsets") as caught:
        parse_start(text, key="--source?start")
    assert "offset:0=120,1=95" in caught.value.hint


@pytest.mark.parametrize("url", ["eventstreams:mediawiki.page_change.v1", "recentchanges:https://my.wiki/w/api.php"])
def test_a_source_without_offsets_refuses_them(url: str) -> None:
    """They end at a time."""
    with pytest.raises(ConfigError, match="knows no offsets"):
        parse_url(f"{url}?end=offset:0=5", key="--source")


def test_a_folder_of_parquet_files() -> None:
    """Relative or absolute, as a file."""
    assert parse_url("parquet:lake/changes", key="--sink") == ParquetUrl("lake/changes")
    assert parse_url("parquet:///lake", key="--sink") == ParquetUrl("/lake")
