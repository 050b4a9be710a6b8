"""Shared parts of the end-to-end tests: the job as its users start it, changes for it, assertions on error events."""

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
"""Seconds that a run may take. Generous: a test waits for the end of a run, and other tests share the machine."""

OLD = "2024-03-01T12:00:00Z"
_SCHEMAS = SchemaRepository([SCHEMAS], read_bundled)


def text_of(rev_id: int) -> str:
    """Return the content of a revision: no two have the same."""
    return f"The text of revision {rev_id}."


def build_revision(rev_id: int) -> Revision:
    """Return the revision as its wiki keeps it."""
    return make_revision(rev_id, text_of(rev_id))


def build_page(page_id: int) -> Page:
    """Return a page by its number."""
    return Page(page_id, f"Page {page_id}")


def build_dataset(*rev_ids: int, wiki: Wiki = WIKI) -> MemoryDataset:
    """Make a dataset of one wiki with these revisions, each of another page."""
    dataset = MemoryDataset(wiki)
    for rev_id in rev_ids:
        dataset.put(wiki, build_page(rev_id), build_revision(rev_id))
    return dataset


def build_change(rev_id: int, *, page_id: int | None = None, wiki: Wiki = WIKI, dt: str = OLD) -> Event:
    """Make an edit of a page, by default of the page with the number of the revision."""
    envelope = events.Envelope(wiki, event_id=str(UUID(int=rev_id)), received=dt)
    return events.build_edit(build_page(page_id or rev_id), build_revision(rev_id), envelope=envelope)


def add_slots(event: Event, *slots: Slot) -> Event:
    """Return the same change, of a revision that has these slots."""
    described = events.encode_revision(Revision(event["revision"]["rev_id"], slots), events.Envelope(WIKI))
    return event | {"revision": event["revision"] | {"content_slots": described["content_slots"]}}


def current_time() -> str:
    """Return the current time in the format of events."""
    return format_event_time(datetime.now(tz=UTC))


def future_time() -> str:
    """Return a time after the read of the change: its age then counts from the first request for its revision."""
    return format_event_time(datetime.now(tz=UTC) + timedelta(hours=1))


def format_event_time(time: datetime) -> str:
    """Format a time as events state it, RFC 3339 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def encode_line(event: Event) -> bytes:
    """Encode the change as a line, without the line break."""
    return orjson.dumps(event)


def setting_arguments(**values: object) -> list[str]:
    """Return settings as command-line arguments; ``__`` stands for a dot."""
    return [
        word
        for name, value in values.items()
        for word in ("--set", f"{name.replace('__', '.')}={orjson.dumps(value).decode()}")
    ]


def wiki_settings(wiki: FakeWiki) -> list[str]:
    """Return settings that send the requests for each allowed wiki to this one, with short delays."""
    return setting_arguments(
        enrich__mediawiki_api_endpoint_template=f"{wiki.url}/w/api.php",
        enrich__retry__base_delay=0.01,
        local__commit_interval=0.1,
    )


@dataclass(frozen=True, slots=True)
class JobResult:
    """Result of a run that has ended: its exit code, its standard error, and its outputs."""

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
    """Return the content of an enriched event's main slot."""
    body: str = event["revision"]["content_slots"]["main"]["content_body"]
    return body


def read_lines(file: Path) -> list[Event]:
    """Return the complete lines of an output file; an empty list while the file does not exist."""
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
    """A running job, which reads its standard input or a file and writes files."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    @property
    def written_count(self) -> int:
        """Number of lines in both outputs together."""
        return sum(
            file.read_bytes().count(b"\n") for file in (sink_of(self._folder), errors_of(self._folder)) if file.exists()
        )

    async def feed(self, lines: Sequence[bytes]) -> None:
        """Write lines to it, and return when the outputs hold as many lines more."""
        assert self._process.stdin is not None
        wanted = self.written_count + len(lines)
        self._process.stdin.write(b"".join(each + b"\n" for each in lines))
        await self._process.stdin.drain()
        async with asyncio.timeout(TIMEOUT):
            while self.written_count < wanted:
                assert self.is_running, "the job ended before its input did"
                await asyncio.sleep(0.05)

    def peak_memory(self) -> int:
        """Return the largest amount of resident memory that the kernel has counted for it, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (found,) = (row for row in status.splitlines() if row.startswith("VmHWM:"))
        return int(found.split()[1]) * 1024

    async def close_input(self) -> JobResult:
        """Close its input and wait for its end."""
        async with asyncio.timeout(TIMEOUT):
            _, stderr = await self._process.communicate(b"")
        assert self._process.returncode is not None
        return JobResult(
            self._process.returncode,
            stderr.decode(),
            read_lines(sink_of(self._folder)),
            read_lines(errors_of(self._folder)),
        )


def sink_of(folder: Path) -> Path:
    """Return the file of the enriched events."""
    return folder / "enriched.ndjson"


def errors_of(folder: Path) -> Path:
    """Return the file of the error events."""
    return folder / "enriched.errors.ndjson"


@asynccontextmanager
async def start_job(
    folder: Path, *arguments: str, source: str = "-", sink: str = "", under: Sequence[str] = ()
) -> AsyncIterator[RunningJob]:
    """Start the job; kill it at the end of the block if it still runs.

    Args:
        folder: Folder of the outputs.
        arguments: Arguments of the command line.
        source: Endpoint of the source; standard input by default.
        sink: Endpoint of the enriched events, instead of a file.
        under: Command that starts the job, such as one that sets limits.
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
    """Assert that each event follows the schema that it names."""
    for event in found:
        assert not _SCHEMAS.get_by_uri(event["$schema"]).describe_violations(event)


def assert_errors_contain(errors: Sequence[Event], given: Sequence[bytes]) -> None:
    """Assert that each error event is valid and holds one of the lines, whole unless it says that it is cut."""
    assert_valid(errors)
    shown = {_show_bytes(each) for each in given}
    for event in errors:
        raw = event["raw_event"]
        if "raw_event is cut" in event["message"]:
            assert any(each.startswith(raw) for each in shown)
        else:
            assert raw in shown


def _show_bytes(raw: bytes) -> str:
    """Return bytes as an error event shows them: with backslashes for bytes that are not UTF-8."""
    return raw.decode(errors="backslashreplace")
