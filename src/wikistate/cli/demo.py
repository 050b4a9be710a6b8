"""``wikistate demo``, the command behind ``make run``: the main job over sample changes and a small wiki.

Only the wiki is a stand-in, in a separate process. Configuration, client, runner and files are those of every run, and
the requests go over HTTP.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from wikistate.cli.execution import run_async, run_until_done
from wikistate.cli.exits import Exit
from wikistate.cli.output import print_line, print_lines
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.cli.status import Status
from wikistate.cli.summary import find_results
from wikistate.cli.terminal import Styled, Terminal
from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.demo import corpus
from wikistate.errors import InternalError
from wikistate.jobs.page_content_change import NAME
from wikistate.runners.local.launch import build_runner
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.__main__ import write_lines
from wikistate.testing.wiki.process import WikiProcess
from wikistate.wiring.registry import find_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wikistate.core.events.meta import Event

ERROR_LIMIT = ("error_limit.share=0.25", "error_limit.in_a_row=100")
"""The error limit: the sample has fewer failures, so more of them are a defect that must end the run."""

MAX_SHOWN_CHARACTERS = 240
"""The number of characters of a page's content that are shown."""


def run_demo(folder: Path, changes: int) -> Exit:
    """Run the demonstration and print the paths of its output.

    Args:
        folder: The folder of events, enriched events and error events; the output of an earlier run is replaced.
        changes: The number of sample changes.

    Raises:
        WikistateError: A part cannot be started, or the output is not valid.
    """
    source, sink, errors = (
        folder / name for name in ("page_change.ndjson", "page_content_change.ndjson", "errors.ndjson")
    )
    folder.mkdir(parents=True, exist_ok=True)
    for file in (sink, errors):
        file.unlink(missing_ok=True)
    print_line(f"page-content-change over {changes:,} sample changes and a small wiki:")
    total = write_lines(source, corpus.compose(changes=changes).events)
    flags = CliSettings(source=f"file:{source}", sink=f"file:{sink}", error_sink=f"file:{errors}")
    end = run_async(_enrich(flags, total=total, changes=changes))
    if end is Exit.OK:
        written = check_output(sink)
        _print_sample(sink)
        _print_next_steps(source=source, sink=sink, errors=errors, written=written)
    return end


async def _enrich(flags: CliSettings, *, total: int, changes: int) -> Exit:
    meter = RecordingMeter()
    async with WikiProcess("--changes", str(changes)) as wiki:
        # One address for all wikis, distinguished by the Host header: as behind a service mesh.
        template = f"enrich.mediawiki_api_endpoint_template={wiki.url}/w/api.php"
        loaded = load_configuration(NAME, replace(flags, assignments=(template, *ERROR_LIMIT)))
        configure_logs(loaded.configuration.telemetry, job_name=NAME)
        configuration = loaded.configuration
        status = Status(meter, total=total, live=True)
        pipeline = find_job(NAME).assemble(configuration, meter)
        runner = build_runner(
            lambda: find_job(NAME).assemble(configuration, meter),
            configuration.local,
            meter,
            error_limit=configuration.error_limit,
            pipeline=pipeline,
        )
        end = await run_until_done(runner, status)
    status.summary(replace(find_results(pipeline, configuration), note="in the sample on purpose"))
    return end


def check_output(sink: Path) -> int:
    """Check every enriched event against the schema that it names, and return the number of events.

    Raises:
        InternalError: An event is not valid.
    """
    schemas = SchemaRepository([SCHEMAS], read_bundled)
    count = 0
    for count, event in enumerate(_read_events(sink), start=1):
        if found := schemas.get_by_uri(event["$schema"]).describe_violations(event):
            raise InternalError(f"{sink}:{count} is not valid: {found}", hint="Please report it.")
    return count


def _read_events(file: Path) -> Iterator[Event]:
    with file.open("rb") as lines:
        yield from map(orjson.loads, lines)


def _print_sample(sink: Path) -> None:
    """Print one enriched event with shortened content."""
    event = next(event for event in _read_events(sink) if _content_body(event))
    slot = event["revision"]["content_slots"]["main"]
    body = slot["content_body"]
    if len(body) > MAX_SHOWN_CHARACTERS:
        slot["content_body"] = f"{body[:MAX_SHOWN_CHARACTERS]} … ({len(body):,} characters)"
    print_lines("\nOne enriched event:")
    Terminal().print_json(event)


def _content_body(event: Event) -> str:
    slots: dict[str, Any] = event["revision"].get("content_slots", {})
    return str(slots.get("main", {}).get("content_body", ""))


def _print_next_steps(*, source: Path, sink: Path, errors: Path, written: int) -> None:
    terminal = Terminal()
    terminal.print_line()
    for title, file in (
        (f"{written:,} enriched events, each valid against its schema:", sink),
        ("error events, each with its reason; they are in the sample on purpose:", errors),
        ("the sample changes:", source),
    ):
        terminal.print_line(Styled(title, "bold"), f" {file}")
    print_lines(
        """
Your own wiki:
  wikistate run page-content-change --source file:changes.ndjson --sink file:enriched.ndjson \\
    --wiki my.wiki.example=https://my.wiki.example/w/api.php
Your own Kafka:
  wikistate run page-content-change --create-topics \\
    --source 'kafka://localhost:9092/mediawiki.page_change.v1?start=earliest' \\
    --sink kafka://localhost:9092/mediawiki.page_content_change.v1
All settings:
  wikistate config show
"""
    )
