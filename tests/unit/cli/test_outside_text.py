"""Text of others in the output of each command: nothing of it controls the terminal, forges a line or is interpreted."""

from __future__ import annotations

import contextlib
import http.server
import os
import pty
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
import pytest
import yaml
from tests.unit.cli.deletions import write_deletions
from tests.unit.cli.hostile_text import EVERYTHING, HOSTILE, find_faults

from wikistate.cli.exits import Exit, report_error
from wikistate.cli.live_line import LiveLine
from wikistate.cli.status import Status
from wikistate.cli.stores import print_counted
from wikistate.cli.verify import VerifyRequest, print_results
from wikistate.core.rdf.compare import GraphDifference
from wikistate.errors import SettingsError, StoreError
from wikistate.ops.verify.verifier import ComparedEntity, ComparisonResult
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import RunCommand

JOB = "page-content-change"
VISIBLE = "[/b][red]x[/red]"
"""Markup is shown as it is."""

WIDE = {"COLUMNS": "2000"}
TERMINAL = {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "TERM": "xterm-256color", "COLUMNS": "60"}


@pytest.fixture(params=[WIDE, TERMINAL], ids=["file", "terminal"])
def at_terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the output is a terminal; the environment is set so that Rich treats it as one."""
    for name, value in request.param.items():
        monkeypatch.setenv(name, value)
    return request.param is TERMINAL


def write_errors(file: Path, *texts: str) -> Path:
    """Write an error stream with an event for each text, which is its type and its message."""
    raw = write_deletions(file.with_suffix(".events"), 1).read_text().strip()
    event = {"$schema": "/error/2.1.0", "dt": "2026-01-15T12:00:00Z", "raw_event": raw}
    events = [{**event, "error_type": text, "message": text} for text in texts]
    file.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    return file


def test_replay_shows_each_error_type(run_command: RunCommand, tmp_path: Path, *, at_terminal: bool) -> None:
    """The type of an error event is text of the program that has written it."""
    texts = [text for kind, text in HOSTILE.items() if kind != "surrogate"]
    errors = write_errors(tmp_path / "errors.ndjson", "[/b]", *texts)
    arguments = ("replay", "--from", errors, "--to", JOB, "--sink", tmp_path / "out.ndjson")
    shown = run_command(*arguments, "--dry-run")
    assert (shown.code, shown.out, find_faults(shown.err, at_terminal=at_terminal)) == (0, "", [])
    assert shown.err.count("replayed") >= len(texts)
    result = run_command(*arguments)
    assert (result.code, find_faults(result.err, at_terminal=at_terminal)) == (0, [])
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == len(texts) + 1


def test_replay_of_a_type_selects_the_exact_text(run_command: RunCommand, tmp_path: Path) -> None:
    """The escapes are for people: the selection and the events hold the text itself."""
    errors = write_errors(tmp_path / "errors.ndjson", EVERYTHING)
    out = tmp_path / "out.ndjson"
    assert run_command("replay", "--from", errors, "--to", f"file:{out}", "--type", EVERYTHING).code == 0
    assert len(out.read_bytes().splitlines()) == 1


def test_summary_and_live_line_show_names_of_others(capsys: pytest.CaptureFixture[str], *, at_terminal: bool) -> None:
    """Error types, causes of retries and reasons of filters are labels of metrics."""
    meter = RecordingMeter()
    meter.counter(metrics.EVENTS_ERRORS, error_type=EVERYTHING)(3)
    meter.counter(metrics.EVENTS_FILTERED, reason=EVERYTHING)(3)
    meter.counter(metrics.ENTITY_FAILURES, error_type=EVERYTHING)(3)
    meter.counter(metrics.WIKI_RETRIES, cause=EVERYTHING)(3)
    meter.gauge(metrics.MAIN_FAILURE, error_type=EVERYTHING)(1)
    meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what=EVERYTHING)(1)
    status = Status(meter, total=None, live=False)
    with status._terminal.show_live() as live:
        live.update(LiveLine(meter, status._counts, status.total).describe(5000))
    status.summary()
    shown = capsys.readouterr().err
    assert find_faults(shown, at_terminal=at_terminal) == []
    assert "red" in shown
    assert "events read" in shown


def test_counts_of_a_store_show_names_of_others(capsys: pytest.CaptureFixture[str], *, at_terminal: bool) -> None:
    """The name of a type is an IRI of the store."""
    print_counted(dict.fromkeys(HOSTILE.values(), 3), otherwise="")
    shown = capsys.readouterr().out
    assert find_faults(shown, at_terminal=at_terminal) == []


def test_verification_shows_triples_and_reasons_of_others(
    capsys: pytest.CaptureFixture[str], *, at_terminal: bool
) -> None:
    """A literal is text of the wiki, and so is the reason of an entity that could not be compared."""
    triples = GraphDifference([EVERYTHING] * 7, [HOSTILE["long"]])  # type: ignore[list-item]
    found = [
        ComparedEntity("Q1", ComparisonResult.UNKNOWN, reason=EVERYTHING),
        ComparedEntity("Q2", ComparisonResult.DIFFERS, 7, triples),
    ]
    print_results(found, VerifyRequest((), sample=2, repair=True))
    shown = capsys.readouterr()
    assert find_faults(shown.out + shown.err, at_terminal=at_terminal) == []
    assert VISIBLE in shown.out


@pytest.mark.parametrize("kind", HOSTILE)
def test_error_shows_answers_of_servers(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """Message and hint may quote what a server has said; each is one line."""
    report_error(StoreError(f"The store answers {HOSTILE[kind]}", hint=f"See {HOSTILE[kind]}"))
    shown = capsys.readouterr().err
    assert find_faults(shown) == []
    assert len(shown.splitlines()) == 2


def test_errors_of_settings_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """The line breaks between them are ours, the ones within them are not."""
    report_error(SettingsError([f"a.yaml:1: x: found {EVERYTHING}", "a.yaml:2: y: found 3"], hint="Correct them."))
    shown = capsys.readouterr().err
    assert find_faults(shown) == []
    assert shown.splitlines()[1:] == ["a.yaml:2: y: found 3", "Correct them."]


@pytest.mark.parametrize(
    "arguments",
    [
        ("config", "check", "--set", f"enrich.{EVERYTHING}=3"),
        ("config", "check", "--set", EVERYTHING.replace("=", "")),
        ("config", "check", "--set", f"enrich.batch_size={EVERYTHING}"),
        ("config", "check", "--job", EVERYTHING),
        ("config", "check", "--config", EVERYTHING.replace("\x00", "")),
        ("config", "show", "--set", f"stream_manager.source.connector={EVERYTHING}"),
        ("run", EVERYTHING),
        ("run", JOB, "--source", EVERYTHING),
        ("run", JOB, "--source", f"eventstreams:{EVERYTHING}/"),
        ("run", JOB, "--source", f"kafka://{EVERYTHING}"),
        ("run", JOB, "--wiki", EVERYTHING.replace("=", "")),
        ("run", JOB, f"--{EVERYTHING}"),
        ("run", JOB, "--rate", EVERYTHING),
        ("run", "custom", "--source", "-", "--enrich", EVERYTHING),
        ("run", "custom", "--source", "-", "--enrich", f"{EVERYTHING}:f".replace("/", "")),
        ("replay", "--from", "errors.ndjson", "--to", EVERYTHING),
        ("replay", "--from", "errors.ndjson", "--to", JOB, "--since", EVERYTHING),
        ("rdf-bootstrap", EVERYTHING.replace("\x00", ""), "--state", "state"),
        ("store", "verify", "--store", "s", "--entity", EVERYTHING),
        ("store", "counts", "--store", EVERYTHING.replace("\x00", "")),
        ("lag", "--store", f"http://{EVERYTHING}"),
        (EVERYTHING,),
    ],
    ids=lambda arguments: " ".join(arguments)[:24].replace("\x1b", "ESC"),
)
def test_errors_show_arguments_of_others(
    run_command: RunCommand,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    """A file name or an address is often copied from elsewhere. The parser of the command line quotes them, too."""
    monkeypatch.chdir(tmp_path)
    result = run_command(*arguments)
    assert result.code != Exit.INTERNAL
    assert find_faults(result.out + result.err) == []


def test_settings_of_a_file_are_shown_exactly_and_visibly(run_command: RunCommand, tmp_path: Path) -> None:
    """The output of ``config show`` is YAML, which has escapes of its own."""
    text = EVERYTHING.replace("\x00", "")
    (file := tmp_path / "job.yaml").write_text(yaml.safe_dump({"enrich": {"contact": text}, "wikis": {}}))
    result = run_command("config", "show", "--config", file)
    assert (result.code, find_faults(result.out)) == (0, [])
    assert yaml.safe_load(result.out)["enrich"]["contact"] == text


@pytest.mark.parametrize("content", [b"%s", b"enrich: {%s: 3}", b"enrich: [", b"a: b: %s"])
def test_faults_of_files_are_shown(run_command: RunCommand, tmp_path: Path, content: bytes) -> None:
    """The message of the YAML parser quotes the file."""
    (file := tmp_path / "job.yaml").write_bytes(content.replace(b"%s", EVERYTHING.encode()))
    result = run_command("config", "check", "--config", file)
    assert (result.code, find_faults(result.err)) == (2, [])


def test_lists_of_others_are_shown(run_command: RunCommand, tmp_path: Path) -> None:
    """A line that is not a pair of entity and revision is quoted."""
    (file := tmp_path / "list\x1b]0;owned\x07.csv").write_text(f"{EVERYTHING}\n")
    result = run_command("rdf-bootstrap", file, "--state", tmp_path / "state")
    assert (result.code, find_faults(result.err)) == (3, [])


class _HostileServer(http.server.BaseHTTPRequestHandler):
    """Server that answers with text for terminals in the status line, the headers and the body."""

    def do_GET(self) -> None:
        body = EVERYTHING.encode()
        self.wfile.write(b"HTTP/1.1 400 \x1b]0;owned\x07bad\r\n")
        self.wfile.write(b"Location: /\xe2\x80\xae\r\nContent-Type: text/\xe2\x80\xaeplain\r\n")
        self.wfile.write(f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

    do_POST = do_GET  # noqa: N815  (the name of the standard library)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name of the standard library)
        """Log nothing."""


@contextmanager
def serve_hostile_text() -> Iterator[str]:
    """Serve on loopback inside the block and return the address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _HostileServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_answers_of_servers_are_shown_by_each_command(run_command: RunCommand, tmp_path: Path) -> None:
    """A store, a wiki, a stream and a schema repository say what they want, in status line, headers and body."""
    with serve_hostile_text() as url:
        commands: list[tuple[str, ...]] = [
            ("lag", "--store", url),
            ("store", "counts", "--store", url),
            ("store", "sweep", "--store", url),
            ("store", "verify", "--store", url, "--wikibase", url),
            ("run", "rdf-sync", "--store", url, "--wikibase", url, "--state", str(tmp_path)),
            ("run", "rdf-consumer", "--store", url, "--source", "kafka://127.0.0.1:1/t", "--check"),
            ("run", JOB, "--source", f"recentchanges:{url}/w/api.php", "--state", str(tmp_path)),
            ("run", JOB, "--source", f"eventstreams:x?base={url}/", "--check", "--state", str(tmp_path / "s")),
            ("config", "check", "--set", f"stream_manager.schema_uris=[{url}]"),
            ("run", JOB, "--source", "-", "--check", "--set", f"stream_manager.schema_uris=[{url}]"),
            ("run", JOB, "--source", "-", "--check", "--set", f"stream_manager.stream_config_uri={url}"),
        ]
        for arguments in commands:
            result = run_command(*arguments)
            assert find_faults(result.out + result.err) == [], arguments


PROGRAM = "from wikistate.cli.app import main; main()"


def test_real_terminal_gets_no_sequence_of_others(tmp_path: Path) -> None:
    """The log is for people there, Rich writes styles, and the live line is shown."""
    errors = write_errors(tmp_path / "errors.ndjson", EVERYTHING)
    command = ["replay", "--from", str(errors), "--to", JOB, "--sink", str(tmp_path / "out.ndjson")]
    leader, follower = pty.openpty()
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "COLUMNS": "60",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command], stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        shown = b"".join(_read_all(leader))
    os.close(leader)
    text = shown.decode().replace("\r\n", "\n")
    assert process.returncode in (Exit.OK, Exit.MOST_FAILED)
    assert find_faults(text, at_terminal=True) == []
    assert "\x1b[" in text
    assert "events/s" in text
    assert "replayed" in text


def _read_all(descriptor: int) -> Iterator[bytes]:
    """Yield what a terminal receives, to its end, which Linux reports as an error."""
    with contextlib.suppress(OSError):
        while chunk := os.read(descriptor, 65_536):
            yield chunk


MODULE = """
import logging, sys, threading, warnings
TEXT = {text!r}
print(TEXT)
print(TEXT, file=sys.stderr)
logging.getLogger("library").error("%s", TEXT)
def fail(): raise RuntimeError(TEXT)
thread = threading.Thread(target=fail)
thread.start()
thread.join()
{more}
"""


def test_output_of_libraries_is_guarded(
    run_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each writer of the process passes the guard: prints, the log of the standard library, an exception of a thread."""
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    monkeypatch.syspath_prepend(tmp_path)
    more = "raise ValueError(TEXT)"
    (tmp_path / "hostile_library.py").write_text(MODULE.format(text=EVERYTHING, more=more))
    result = run_command("run", "custom", "--source", "-", "--enrich", "hostile_library:enrich")
    assert result.code == 2
    text = result.out + result.err
    faults = [fault for fault in find_faults(text) if "forged" not in fault]  # a library may divide its own lines
    assert faults == []
    assert text.count(VISIBLE) >= 3
