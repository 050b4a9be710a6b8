"""What the end-to-end tests share: the product as its users start it, changes to feed it, and what must hold of errors."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.demo import events
from wikistate.demo.pages import Page, Revision, Slot, Wiki, make_revision
from wikistate.testing.wiki.datasets import MemoryDataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from wikistate.testing.wiki.server import FakeWiki

Event = dict[str, Any]

WIKI = Wiki("enwiki", "en.wikipedia.org")
COMMAND = (sys.executable, "-m", "wikistate", "run", "page-content-change", "--no-progress")
TIMEOUT = 120.0
"""Seconds that a run may take. Generous: what a test waits for is the end, and other tests share the machine."""

OLD = "2024-03-01T12:00:00Z"
_SCHEMAS = SchemaRepository([SCHEMAS], read_bundled)


def text_of(rev_id: int) -> str:
    """The content of a revision: no two have the same."""
    return f"The text of revision {rev_id}."


def build_revision(rev_id: int) -> Revision:
    """The revision as its wiki keeps it."""
    return make_revision(rev_id, text_of(rev_id))


def build_page(page_id: int) -> Page:
    """A page by its number."""
    return Page(page_id, f"Page {page_id}")


def build_dataset(*rev_ids: int, wiki: Wiki = WIKI) -> MemoryDataset:
    """A world of one wiki with these revisions, each of a page of its own."""
    world = MemoryDataset(wiki)
    for rev_id in rev_ids:
        world.put(wiki, build_page(rev_id), build_revision(rev_id))
    return world


def build_change(rev_id: int, *, page_id: int | None = None, wiki: Wiki = WIKI, dt: str = OLD) -> Event:
    """An edit of a page, by default one that has the number of its revision."""
    envelope = events.Envelope(wiki, event_id=str(UUID(int=rev_id)), received=dt)
    return events.build_edit(build_page(page_id or rev_id), build_revision(rev_id), envelope=envelope)


def add_slots(event: Event, *slots: Slot) -> Event:
    """The same change, of a revision that has these slots."""
    described = events.encode_revision(Revision(event["revision"]["rev_id"], slots), events.Envelope(WIKI))
    return event | {"revision": event["revision"] | {"content_slots": described["content_slots"]}}


def current_time() -> str:
    """The time, as events state it."""
    return format_event_time(datetime.now(tz=UTC))


def future_time() -> str:
    """A time that is still to come when the change is read: its age then counts from when its revision is asked for."""
    return format_event_time(datetime.now(tz=UTC) + timedelta(hours=1))


def format_event_time(moment: datetime) -> str:
    """Format a moment as events state it, RFC 3339 in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def encode_line(event: Event) -> bytes:
    """The change as a line, without its end."""
    return orjson.dumps(event)


def setting_arguments(**values: object) -> list[str]:
    """Command-line settings; ``__`` stands for a dot."""
    return [
        word
        for name, value in values.items()
        for word in ("--set", f"{name.replace('__', '.')}={orjson.dumps(value).decode()}")
    ]


def wiki_settings(wiki: FakeWiki) -> list[str]:
    """Settings that send the requests for every allowed wiki to this one, and keep no one waiting."""
    return setting_arguments(
        enrich__mediawiki_api_endpoint_template=f"{wiki.url}/w/api.php",
        enrich__retry__base_delay=0.01,
        local__commit_interval=0.1,
    )


@dataclass(frozen=True, slots=True)
class JobResult:
    """A run that is over: its exit code, what it said on standard error, and what it wrote."""

    code: int
    stderr: str
    enriched: list[Event]
    errors: list[Event]

    @property
    def bodies(self) -> dict[int, str]:
        """The content of each enriched revision."""
        return {event["revision"]["rev_id"]: body_of(event) for event in self.enriched}

    @property
    def error_types(self) -> list[str]:
        """The types of the error events, in their order."""
        return [event["error_type"] for event in self.errors]


def body_of(event: Event) -> str:
    """The content of an enriched event's main slot."""
    body: str = event["revision"]["content_slots"]["main"]["content_body"]
    return body


def read_lines(file: Path) -> list[Event]:
    """The whole lines of an output file; none when it is not there yet."""
    if not file.exists():
        return []
    return [orjson.loads(found) for found in file.read_bytes().split(b"\n")[:-1]]


async def run_over_file(folder: Path, lines: Iterable[bytes], *arguments: str) -> JobResult:
    """Run the job over a file with these lines to its end."""
    source = folder / "changes.ndjson"
    source.write_bytes(b"".join(each + b"\n" for each in lines))
    async with start_job(folder, *arguments, source=f"file:{source}") as run:
        return await run.close_input()


class RunningJob:
    """A run that goes on, from its standard input or a file to files."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    @property
    def count_written(self) -> int:
        """How many lines are in both outputs together."""
        return sum(
            file.read_bytes().count(b"\n") for file in (sink_of(self._folder), errors_of(self._folder)) if file.exists()
        )

    async def feed(self, lines: Sequence[bytes]) -> None:
        """Give it lines, and return when they have all come out again."""
        assert self._process.stdin is not None
        wanted = self.count_written + len(lines)
        self._process.stdin.write(b"".join(each + b"\n" for each in lines))
        await self._process.stdin.drain()
        async with asyncio.timeout(TIMEOUT):
            while self.count_written < wanted:
                assert self.is_running, "the job ended before its input did"
                await asyncio.sleep(0.05)

    def peak_memory(self) -> int:
        """The most bytes of memory that it ever had resident, by the kernel's account."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (found,) = (row for row in status.splitlines() if row.startswith("VmHWM:"))
        return int(found.split()[1]) * 1024

    async def close_input(self) -> JobResult:
        """Close its input and wait for its end."""
        async with asyncio.timeout(TIMEOUT):
            _, told = await self._process.communicate(b"")
        assert self._process.returncode is not None
        return JobResult(
            self._process.returncode,
            told.decode(),
            read_lines(sink_of(self._folder)),
            read_lines(errors_of(self._folder)),
        )


def sink_of(folder: Path) -> Path:
    """Where enriched events go."""
    return folder / "enriched.ndjson"


def errors_of(folder: Path) -> Path:
    """Where error events go."""
    return folder / "enriched.errors.ndjson"


@asynccontextmanager
async def start_job(
    folder: Path, *arguments: str, source: str = "-", sink: str = "", under: Sequence[str] = ()
) -> AsyncIterator[RunningJob]:
    """Start the job; what still runs at the end of the block is killed.

    Args:
        folder: Where the outputs go.
        arguments: Of the command line.
        source: What is read; standard input by default.
        sink: Where enriched events go instead.
        under: A command that starts the one after it, such as one that sets limits.
    """
    process = await asyncio.create_subprocess_exec(
        *(*under, *COMMAND, "--source", source, "--sink", sink or f"file:{sink_of(folder)}", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield RunningJob(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def assert_valid(found: Iterable[Event]) -> None:
    """Every event follows the schema that it names."""
    for event in found:
        assert not _SCHEMAS.get_by_uri(event["$schema"]).describe_violations(event)


def assert_errors_contain(errors: Sequence[Event], given: Sequence[bytes]) -> None:
    """Every error event is valid and holds one of the lines that were given, whole unless it says that it is cut."""
    assert_valid(errors)
    shown = {_show_bytes(each) for each in given}
    for event in errors:
        raw = event["raw_event"]
        if "raw_event is cut" in event["message"]:
            assert any(each.startswith(raw) for each in shown)
        else:
            assert raw in shown


def _show_bytes(raw: bytes) -> str:
    """Bytes as an error event shows them: what is no UTF-8, with backslashes."""
    return raw.decode(errors="backslashreplace")
