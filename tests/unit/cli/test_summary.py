"""Summary of a run: its numbers add up to the records that were read, and its last line names the results."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.unit.cli.deletions import write_deletions

from wikistate.cli.run_counts import RunCounts
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.cli.summary import Results, find_results, summarise
from wikistate.demo import events
from wikistate.demo.pages import Page, Wiki, make_revision
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.registry import find_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import RunCommand

NOT_JSON = b"no event"


def parse(err: str) -> dict[str, int]:
    """Return the numbers of a summary by their labels."""
    rows = [re.fullmatch(r" *([\d,]+) {4}(.*?) *", line) for line in err.splitlines()]
    return {row[2]: int(row[1].replace(",", "")) for row in rows if row}


def rows_of(meter: RecordingMeter, *, has_state: bool = False) -> dict[str, str]:
    """Return the numbers of a run by their labels."""
    return {label: number for number, label in summarise(meter, RunCounts(meter, has_state=has_state), 2.0)}


def mix(choice: random.Random, kinds: dict[str, Callable[[int], bytes]], file: Path) -> dict[str, int]:
    """Write records of random kinds to a file, and return their numbers."""
    drawn = [choice.choice(list(kinds)) for _ in range(choice.randrange(120))]
    file.write_bytes(b"".join(kinds[kind](number) + b"\n" for number, kind in enumerate(drawn, 1)))
    return {kind: drawn.count(kind) for kind in kinds}


def build_deletion(wiki: Wiki, title: str, namespace: int = 0) -> Callable[[int], bytes]:
    """Return a function that builds the deletion of a page with a number."""

    def build(number: int) -> bytes:
        page = Page(number, f"{title}{number}", namespace)
        event = events.build_delete(page, make_revision(number), envelope=events.Envelope(wiki))
        if namespace:
            event["revision"]["content_slots"]["main"]["content_model"] = "wikibase-item"
        return orjson.dumps(event)

    return build


@pytest.mark.parametrize("seed", range(6))
def test_numbers_of_random_runs_add_up(run_command: RunCommand, tmp_path: Path, seed: int) -> None:
    """Each record that was read was written, dropped or failed, and the files have as many lines."""
    kinds = {
        "written": build_deletion(Wiki("enwiki", "en.wikipedia.org"), "Page "),
        "dropped": build_deletion(Wiki("canary", "canary"), "Page "),
        "failed": lambda _number: NOT_JSON,
    }
    drawn = mix(random.Random(seed), kinds, tmp_path / "in.ndjson")
    out, errors = tmp_path / "out.ndjson", tmp_path / "out.errors.ndjson"
    result = run_command("run", "page-content-change", "--source", tmp_path / "in.ndjson", "--sink", out)
    found = parse(result.err)
    assert found["events read"] == sum(drawn.values())
    assert found["events written"] == drawn["written"] == out.read_bytes().count(b"\n")
    assert found["error events"] == found.get("  NotJson", 0) == drawn["failed"] == errors.read_bytes().count(b"\n")
    dropped = sum(count for label, count in found.items() if label.startswith("dropped: "))
    assert dropped == drawn["dropped"]
    assert found["events read"] == found["events written"] + dropped + found["error events"]
    assert not any("not processed" in label for label in found)


@pytest.mark.parametrize("seed", range(6))
def test_numbers_of_random_runs_with_state_add_up(run_command: RunCommand, tmp_path: Path, seed: int) -> None:
    """Each record that was read is about an entity, was dropped or failed."""
    kinds = {
        "entity": build_deletion(Wiki("my", "my.wiki"), "Item:Q", 120),
        "dropped": build_deletion(Wiki("enwiki", "en.wikipedia.org"), "Page "),
        "failed": lambda _number: NOT_JSON,
    }
    drawn = mix(random.Random(seed), kinds, tmp_path / "in.ndjson")
    endpoints = ("--source", tmp_path / "in.ndjson", "--sink", tmp_path / "out.ndjson", "--state", tmp_path / "state")
    wiki = ("--set", "rdf.hostname=my.wiki", "--set", "rdf.entity_namespaces=[120]")
    result = run_command("run", "rdf-updater", *endpoints, *wiki)
    found = parse(result.err)
    dropped = sum(count for label, count in found.items() if label.startswith("dropped: "))
    assert found["events read"] == sum(drawn.values())
    assert (found["events about entities"], dropped, found["error events"]) == tuple(drawn.values())
    assert found["events read"] == found["events about entities"] + dropped + found["error events"]
    assert found["mutations"] == (tmp_path / "out.ndjson").read_bytes().count(b"\n")


def test_stopped_run_counts_the_events_that_it_has_not_processed() -> None:
    """They are not lost: their positions are not committed."""
    meter = RecordingMeter()
    meter.counter(metrics.EVENTS_CONSUMED)(22)
    meter.counter(metrics.EVENTS_FILTERED, reason="canary")(8)
    meter.counter(metrics.EVENTS_PRODUCED, role="error")(2)
    rows = rows_of(meter)
    assert rows["events written"] == "0"
    assert rows["not processed; the next run reads them again"] == "12"


def test_graph_job_speaks_of_mutations_entities_triples_and_freshness() -> None:
    """Runner and store both count a mutation as produced; the summary counts it once."""
    meter = RecordingMeter()
    meter.counter(metrics.EVENTS_CONSUMED)(30)
    meter.counter(metrics.EVENTS_FILTERED, reason="other_wiki")(8)
    meter.counter(metrics.EVENTS_PRODUCED, role="sink")(40)
    meter.counter(metrics.EVENTS_PRODUCED, role="fetch_failure")(1)
    meter.counter(metrics.STORE_MUTATIONS, operation="import", entity_type="item")(18)
    meter.counter(metrics.STORE_MUTATIONS, operation="delete", entity_type="property")(2)
    meter.counter(metrics.STORE_TRIPLES, kind="added")(1234)
    meter.gauge(metrics.KEYS_WITH_TIMERS)(12)
    meter.gauge(metrics.STORE_LAG)(1.5)
    rows = rows_of(meter, has_state=True)
    assert rows["events about entities"] == "22"
    assert rows["mutations"] == "20"
    assert rows["  import: item"] == "18"
    assert rows["triples added"] == "1,234"
    assert rows["side events"] == "1"
    assert rows["entities wait for earlier events; the state holds them"] == "12"
    assert rows["seconds behind the wiki, at the last write to the store"] == "1.5"
    assert "events written" not in rows


def test_last_line_names_the_results(run_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without an output has no such line; error events are named only if there are some."""
    monkeypatch.chdir(tmp_path)
    run = ("run", "page-content-change", "--source", "in.ndjson", "--sink")
    write_deletions(tmp_path / "in.ndjson", 1200)
    assert run_command(*run, "enriched.ndjson").err.splitlines()[-1].strip() == "1,200 → enriched.ndjson"
    with (tmp_path / "in.ndjson").open("ab") as file:
        file.write(b"no event\n")
    last = run_command(*run, "second.ndjson").err.splitlines()[-1].strip()
    assert last == "1,200 → second.ndjson; 1 failed → second.errors.ndjson"
    assert run_command(*run, "-").err.splitlines()[-1].strip() == "1,200 → standard output; 1 failed → standard error"
    (tmp_path / "in.ndjson").write_bytes(b"")
    assert "→" not in run_command(*run, "third.ndjson").err


@pytest.mark.parametrize(
    ("job", "assignments", "expected"),
    [
        (
            "page-content-change",
            ("stream_manager.sink.options.bootstrap_servers=a:1", "stream_manager.sink.connector=kafka"),
            ("kafka://a:1/mediawiki.page_content_change.v1", "kafka://a:1/mw_page_content_change_enrich.error", ""),
        ),
        (
            "rdf-updater",
            (
                *("stream_manager.sink.options.path=m.ndjson", "rdf.hostname=my.wiki"),
                *("rdf.entity_namespaces=[120]", "local.state=state"),
            ),
            ("m.ndjson", "m.errors.ndjson", "m.side.ndjson"),
        ),
        ("rdf-consumer", ("store.location=store",), ("store", "store.errors.ndjson", "")),
        ("rdf-consumer", ("store.location=http://host/sparql?token=SECRET",), (None, "standard error", "")),
    ],
)
def test_places_of_results_are_found_for_each_kind_of_job(
    job: str, assignments: tuple[str, ...], expected: tuple[str | None, str, str]
) -> None:
    """A token in the URL of a store is not shown."""
    flags = CliSettings(source="file:in.ndjson", assignments=assignments)
    configuration = load_configuration(job, flags).configuration
    results = find_results(find_job(job).assemble(configuration, RecordingMeter()), configuration)
    output, errors, side = expected
    assert (results.errors, results.side) == (errors, side)
    assert "SECRET" not in results.output
    assert output in (None, results.output)


def test_note_explains_the_errors() -> None:
    """The demonstration has errors on purpose."""
    meter = RecordingMeter()
    meter.counter(metrics.EVENTS_PRODUCED, role="sink")(2818)
    meter.counter(metrics.EVENTS_PRODUCED, role="error")(182)
    results = Results(output="enriched.ndjson", errors="enriched.errors.ndjson", note="in the sample on purpose")
    assert results.describe(RunCounts(meter)) == (
        "2,818 → enriched.ndjson; 182 failed → enriched.errors.ndjson (in the sample on purpose)"
    )
