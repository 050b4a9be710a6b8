"""``wikistate demo``, which ``make run`` runs: the main job over sample changes and a small wiki, nothing else needed.

Everything is real but the wiki: the same configuration, client, runner and files as in a run of one's own, over HTTP
to a process of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console
from rich.json import JSON

from wikistate.cli.execution import run_async, run_until_done
from wikistate.cli.exits import Exit
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.cli.status import Status
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
from wikistate.wiring.registry import find_stateless_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wikistate.core.events.meta import Event

ERROR_LIMIT = ("error_limit.share=0.25", "error_limit.in_a_row=100")
"""Whoever sees more fail than this sees something that is broken, and should be told so."""

MAX_SHOWN_CHARACTERS = 240
"""How much of a page's content is shown."""


def run_demo(folder: Path, changes: int) -> Exit:
    """Runs the demonstration and says where everything lies.

    Args:
        folder: Where events, enriched events and error events go; what an earlier demonstration left is replaced.
        changes: How many changes the sample has.

    Raises:
        WikistateError: Something of it cannot be started, or what came out is not what must come out.
    """
    source, sink, errors = (
        folder / name for name in ("page_change.ndjson", "page_content_change.ndjson", "errors.ndjson")
    )
    console = Console()
    folder.mkdir(parents=True, exist_ok=True)
    for file in (sink, errors):
        file.unlink(missing_ok=True)
    console.print(f"page-content-change over {changes:,} sample changes and a small wiki of our own:")
    total = write_lines(source, corpus.compose(changes=changes).events)
    flags = CliSettings(source=f"file:{source}", sink=f"file:{sink}", error_sink=f"file:{errors}")
    end = run_async(_enrich(flags, total=total, changes=changes))
    if end is Exit.OK:
        written = check_output(sink)
        _print_sample(console, sink)
        _print_next_steps(console, source=source, sink=sink, errors=errors, written=written)
    return end


async def _enrich(flags: CliSettings, *, total: int, changes: int) -> Exit:
    meter = RecordingMeter()
    async with WikiProcess("--changes", str(changes)) as wiki:
        # One address for all wikis, told apart by the Host header: as behind a service mesh.
        template = f"enrich.mediawiki_api_endpoint_template={wiki.url}/w/api.php"
        loaded = load_configuration(NAME, replace(flags, assignments=(template, *ERROR_LIMIT)))
        configure_logs(loaded.configuration.telemetry, job_name=NAME)
        pipeline = find_stateless_job(NAME).assemble(loaded.configuration, meter)
        status = Status(meter, total=total, live=True)
        configuration = loaded.configuration
        runner = build_runner(lambda: pipeline, configuration.local, meter, error_limit=configuration.error_limit)
        end = await run_until_done(runner, status)
    status.summary()
    return end


def check_output(sink: Path) -> int:
    """Checks every enriched event against the schema that it names; returns how many there are.

    Raises:
        InternalError: One is not valid.
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


def _print_sample(console: Console, sink: Path) -> None:
    """Prints one enriched event, its content shortened for the eye."""
    event = next(event for event in _read_events(sink) if _content_body(event))
    slot = event["revision"]["content_slots"]["main"]
    body = slot["content_body"]
    if len(body) > MAX_SHOWN_CHARACTERS:
        slot["content_body"] = f"{body[:MAX_SHOWN_CHARACTERS]} … ({len(body):,} characters)"
    console.print("\nOne enriched event:")
    console.print(JSON(orjson.dumps(event).decode(), indent=2))


def _content_body(event: Event) -> str:
    slots: dict[str, Any] = event["revision"].get("content_slots", {})
    return str(slots.get("main", {}).get("content_body", ""))


def _print_next_steps(console: Console, *, source: Path, sink: Path, errors: Path, written: int) -> None:
    console.print(
        f"""
[bold]{written:,} enriched events, each valid against its schema:[/bold] {sink}
[bold]what could not be enriched, with the reason:[/bold] {errors}
[bold]the changes that were read:[/bold] {source}

Your own wiki:
  wikistate run page-content-change --source file:changes.ndjson --sink file:enriched.ndjson \\
    --wiki my.wiki.example=https://my.wiki.example/w/api.php
Your own Kafka:
  wikistate run page-content-change --create-topics \\
    --source kafka://localhost:9092/mediawiki.page_change.v1 \\
    --sink kafka://localhost:9092/mediawiki.page_content_change.v1
Everything that can be set:
  wikistate config show
""",
        highlight=False,
        soft_wrap=True,
    )
