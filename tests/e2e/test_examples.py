"""Examples: the commands of each README run unchanged in a copy of its folder, with the stated results."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.documents import parse_document
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_readme(name: str, folder: Path) -> str:
    """Run all commands of an example's README as a shell reads them, and return their standard error."""
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
    commands = "\n".join(COMMANDS.findall((folder / "README.md").read_text()))
    assert "wikistate run custom" in commands
    done = subprocess.run(
        ["bash", "-e", "-u", "-o", "pipefail", "-c", commands],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


def _environment(folder: Path) -> Mapping[str, str]:
    """Return an environment with `python` and `wikistate` of this process, as an activated environment has them."""
    beside = folder / ".bin"
    beside.mkdir()
    for name in ("python", "wikistate"):
        words = f'exec "{sys.executable}"' + (" -m wikistate" if name == "wikistate" else "")
        (beside / name).write_text(f'#!/bin/sh\n{words} "$@"\n')
        (beside / name).chmod(0o755)
    return os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}


def events(file: Path) -> list[dict[str, Any]]:
    """Return the events of a file."""
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def test_example_of_ten_lines_has_ten_lines() -> None:
    """Blank lines and the docstring are counted."""
    assert len((EXAMPLES / "people" / "people.py").read_text().splitlines()) == 10


def test_people(tmp_path: Path) -> None:
    """Edits of bots are dropped and counted; all other changes have their content and are valid."""
    err = run_readme("people", tmp_path)
    schema = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
    written = events(tmp_path / "people.ndjson")
    changes = [event for event in events(tmp_path / "sample" / "events.jsonl") if event["meta"]["domain"] != "canary"]
    bots = [event for event in changes if event.get("performer", {}).get("is_bot")]
    failed = events(tmp_path / "people.errors.ndjson")
    assert len(written) + len(failed) == len(changes) - len(bots)
    assert len(bots) > 0
    assert {error["error_type"] for error in failed} <= {"BadRevision"}  # of pages that have been deleted since
    assert all(schema.is_valid(event) for event in written)
    assert not any(event.get("performer", {}).get("is_bot") for event in written)
    assert sum("content_body" in str(event) for event in written) > len(written) / 2
    assert f"{len(bots)}    dropped: bot" in err.replace(",", "")


def test_links(tmp_path: Path) -> None:
    """The job writes events of another stream, each valid against the schema of the example; its test passes."""
    run_readme("links", tmp_path)
    path = tmp_path / "schemas" / "example" / "page" / "link" / "1.0.0.yaml"
    document = parse_document(path.read_bytes(), str(path))
    schema = Schema(document, title="example/page/link", version="1.0.0", origin=str(path))
    written = events(tmp_path / "links.ndjson")
    assert len(written) > 100
    for event in written:
        assert schema.describe_violations(event) == ""
        assert (event["$schema"], event["meta"]["stream"]) == (schema.uri, "example.page_link.v1")
    assert len({event["meta"]["id"] for event in written}) == len(written)
    # A revision may have several events, such as its page's move and restoration.
    changes = [(event["wiki_id"], event["rev_id"], event["dt"]) for event in written]
    assert 1 < max(map(changes.count, changes[:50])) <= 5
