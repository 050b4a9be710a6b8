"""Readers of files: inputs, lists of revisions, configuration, documents of streams and schemas, and state."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from tests.fuzz.target import Kind, Target, require

from wikistate.adapters.connectors.checkpoint import Checkpoint
from wikistate.adapters.connectors.files.position import OffsetFile
from wikistate.adapters.connectors.files.reader import LineReader
from wikistate.adapters.connectors.parquet.folder import ParquetFolder
from wikistate.adapters.connectors.recent_changes.position import ChangeWindow
from wikistate.adapters.triplestore.freshness import FreshnessFile
from wikistate.config.layers import parse_assignment, read_file
from wikistate.config.load import load
from wikistate.core.events.documents import parse_document
from wikistate.core.events.field_selection import select_fields
from wikistate.core.events.message_key import MessageKey
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.stream_config import StreamConfigs
from wikistate.core.updater.state import EntityState
from wikistate.errors import ConfigError, DocumentError, InputError, SinkError, SourceError, StateError, StoreError
from wikistate.ops.bootstrap import fill_state, read_revisions
from wikistate.runners.local.state_file import StateFile
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from pathlib import Path

_BOUND = 100_000
_MAX_READS = 6
"""Steps in which a file is read. Reading a bomb to its end takes time in proportion to its content, and that is expected."""

_STREAM = "mediawiki.page_change.v1"
_YAML_TOKENS = (
    *(
        "&a",
        "*a",
        "<<: *a",
        "!!python/object/apply:os.system [x]",
        "? ",
        "|",
        ">-",
        "---\n",
        "...\n",
        "%YAML 9.9\n",
        "!!binary aa",
    ),
    *(
        "!!set {a}",
        "!!timestamp 2026-01-01",
        ".inf",
        ".nan",
        "0o7",
        "0x_",
        "1:2:3",
        "- - - -",
        "{a: ",
        "[",
        "null",
        "~",
        "\t",
    ),
)


def read_lines(data: bytes, folder: Path) -> None:
    """Read a file of events; its name is the first line of the input."""
    name, _, content = data.partition(b"\n")
    letters = "".join(each for each in name.decode("ascii", "replace") if each.isalnum() or each in "._-")
    path = folder / f"x{letters[:100]}"
    path.write_bytes(content)
    reader = LineReader(path, bound=_BOUND)
    try:
        reader.open()
        for _ in range(_MAX_READS):
            if (records := reader.read(0.0)) is None:
                break
            require(all(len(record.value or b"") <= _BOUND for record in records), "a line exceeds its bound")
    finally:
        reader.close()


def read_revision_list(data: bytes, folder: Path) -> None:
    """Read a list of entities and revisions, and fill a state file from it."""
    path = folder / "revisions.csv"
    path.write_bytes(data)
    count = len({row.entity for row in read_revisions(path)})
    require(
        fill_state([path], folder / "state.sqlite") == count, "the state has another number of entities than the list"
    )


def read_configuration(data: bytes, folder: Path) -> None:
    """Read a configuration file; each line behind a line of three number signs is an assignment of the command line."""
    content, _, assignments = data.partition(b"\n###\n")
    path = folder / "config.yaml"
    path.write_bytes(content)
    layers = [read_file(path)]
    for line in assignments.decode("utf-8", "replace").splitlines():
        if line:
            name, value = parse_assignment(line)
            layers[0].put(name, value, "--set")
    repr(load(layers).configuration)


def read_stream_configuration(data: bytes, _: Path) -> None:
    """Read a stream configuration, and use its streams."""
    configs = StreamConfigs.parse(parse_document(data, "x.yaml" if data[:1] != b"{" else "x"), "x")
    for name in (_STREAM, "other", "mw.test.error"):
        try:
            config = configs.get(name)
        except DocumentError:
            continue
        config.accepts_topic("eqiad.mediawiki.page_change.v1")
        MessageKey(config.message_key_fields).build({})


def read_schema(data: bytes, _: Path) -> None:
    """Read a schema, validate an event with it, and select fields of it."""

    def read(uri: str) -> bytes | None:
        return data if uri.endswith(".yaml") else None

    schema = SchemaRepository(["bundled:x"], read).get("mediawiki/page/change", "latest")
    event = _event()
    if not schema.is_valid(event):
        schema.describe_violations(event)
    schema.project(event)
    select_fields(schema, ["page.page_title"]).project(event)


@lru_cache(maxsize=1)
def _event() -> Any:
    return {
        "$schema": "/mediawiki/page/change/1.0.0",
        "meta": {"stream": _STREAM, "domain": "w", "dt": "2026-01-01T00:00:00Z", "id": "x"},
        "dt": "2026-01-01T00:00:00Z",
        "page": {"page_id": 1, "page_title": "A", "namespace_id": 0},
        "revision": {"rev_id": 1, "rev_dt": "2026-01-01T00:00:00Z", "content_slots": {"main": {"slot_role": "main"}}},
        "wiki_id": "w",
        "page_change_kind": "edit",
        "changelog_kind": "update",
    }


def read_checkpoint(data: bytes, folder: Path) -> None:
    """Open a damaged checkpoint of a source, and read and write it."""
    path = folder / "checkpoint.sqlite"
    path.write_bytes(data)
    checkpoint = Checkpoint(path, "source")
    try:
        checkpoint.open()
        positions = checkpoint.load_positions()
        for position in positions.values():
            ChangeWindow.load(position.token, 1000)
        checkpoint.load_metadata(["inventory", "begun"])
        checkpoint.commit(positions)
    finally:
        checkpoint.close()


def read_state_file(data: bytes, folder: Path) -> None:
    """Open a damaged state file of a keyed job, and read and write it."""
    path = folder / "state.sqlite"
    path.write_bytes(data)
    state = StateFile(path)
    try:
        state.open()
        state.timers()
        state.progress()
        state.watermark()
        for number, blob in state.read(range(100)).values():
            EntityState.unpack(number, blob or b"")
    finally:
        state.close()


def read_entity_state(data: bytes, _: Path) -> None:
    """Unpack the state of an entity, and pack it again."""
    EntityState.unpack(5, data).pack()


def read_offsets(data: bytes, folder: Path) -> None:
    """Read the positions in files."""
    path = folder / "offsets.json"
    path.write_bytes(data)
    positions = OffsetFile(path).load()
    OffsetFile(path).store(positions)


def read_ledger(data: bytes, folder: Path) -> None:
    """Open a Parquet folder with a damaged commit file."""
    internal = folder / "table" / "_wikistate"
    (internal / "pending").mkdir(parents=True)
    (internal / "commit.json").write_bytes(data)
    for name in ("a.open", "b.open"):
        (internal / "pending" / name).write_bytes(b"x")
    table = ParquetFolder(folder / "table", reader="reader", roll_bytes=1000)
    try:
        table.open()
        positions = dict(table.positions)
        table.commit(positions)
        require(all(isinstance(part, Partition) for part in positions), "a position of no partition")
    finally:
        table.close()


def read_freshness(data: bytes, folder: Path) -> None:
    """Read the freshness of an embedded store."""
    (folder / "store.freshness").write_bytes(data)
    FreshnessFile(folder / "store").read()


def read_window(data: bytes, _: Path) -> None:
    """Read the token of recent changes."""
    window = ChangeWindow.load(data.decode("utf-8", "replace"), 1000)
    orjson.loads(window.dump())


TARGETS = (
    Target(name="file", kind=Kind.JSON_LINES, run=read_lines, errors=(SourceError, InputError)),
    Target(
        name="compressed-file",
        kind=Kind.BINARY,
        run=read_lines,
        errors=(SourceError, InputError),
        compressed=True,
    ),
    Target(
        name="revision-list",
        kind=Kind.TEXT,
        run=read_revision_list,
        errors=(InputError, StateError),
        compressed=True,
        tokens=(",", "Q1,1\n", "L1-F1,2\n", "M5,1\n", "\u0665", "9223372036854775808", "Q18446744073709551616,1\n"),
    ),
    Target(name="configuration", kind=Kind.TEXT, run=read_configuration, errors=(ConfigError,), tokens=_YAML_TOKENS),
    Target(
        name="stream-configuration",
        kind=Kind.TEXT,
        run=read_stream_configuration,
        errors=(InputError,),
        tokens=(*_YAML_TOKENS, "/^a(a+)+$/:", "/(/:", "//:", "topics: [/x/]"),
    ),
    Target(
        name="schema",
        kind=Kind.TEXT,
        run=read_schema,
        errors=(InputError, ConfigError),
        tokens=(
            *_YAML_TOKENS,
            "$ref: '#'",
            "$ref: http://169.254.169.254/x",
            "$ref: file:///etc/passwd",
            "pattern: (a+)+$",
            "allOf:",
        ),
    ),
    Target(
        name="checkpoint", kind=Kind.BINARY, run=read_checkpoint, errors=(SourceError, StateError, InputError), cases=20
    ),
    Target(name="state-file", kind=Kind.BINARY, run=read_state_file, errors=(StateError, InputError), cases=20),
    Target(name="entity-state", kind=Kind.JSON, run=read_entity_state, errors=(InputError, StateError)),
    Target(name="offsets", kind=Kind.JSON, run=read_offsets, errors=(SourceError,)),
    Target(name="ledger", kind=Kind.JSON, run=read_ledger, errors=(SinkError, ConfigError, OSError)),
    Target(name="freshness", kind=Kind.TEXT, run=read_freshness, errors=(StoreError,)),
    Target(name="change-window", kind=Kind.JSON, run=read_window, errors=(SourceError, StateError)),
)
