"""Readers of the answers of Flink clusters, and of the S3 stores of their snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from tests.fuzz.target import Kind, Target, require

from wikistate.core.events.fields import FieldError, Fields
from wikistate.ops.flink_jobs import answers
from wikistate.ops.flink_jobs.object_store import UnreadableListError, parse_list

if TYPE_CHECKING:
    from pathlib import Path


def read_answers(data: bytes, _: Path) -> None:
    """Read an answer as each of those that a cluster gives."""
    try:
        answer = Fields(orjson.loads(data))
    except orjson.JSONDecodeError:
        return
    for read in (
        answers.read_overview,
        answers.read_job,
        answers.read_failures,
        answers.read_operation,
        answers.read_free_slots,
        lambda found: answers.read_checkpoints(found, "a"),
    ):
        try:
            read(answer)
        except FieldError:
            continue


def read_list(data: bytes, _: Path) -> None:
    """Read a page of a list of objects."""
    objects, _token = parse_list(data)
    require(all(key for key, _ in objects), "each object has a key")


TARGETS = (
    Target(name="flink-answers", kind=Kind.JSON, run=read_answers, errors=(FieldError,)),
    Target(
        name="snapshot-list",
        kind=Kind.TEXT,
        run=read_list,
        errors=(UnreadableListError,),
        tokens=(
            "<Contents>",
            "</Contents>",
            "<Key>",
            "<LastModified>",
            "<!ENTITY a 'a'>",
            "&a;",
            "<!DOCTYPE a [",
            "<![CDATA[",
        ),
    ),
)
