"""The files that a run writes, before it begins: what they hold already, and their removal for ``--overwrite``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from wikistate.adapters.connectors.local_output import LocalOutput
from wikistate.cli.execution import run_async
from wikistate.errors import ConfigError
from wikistate.wiring.connectors import check_source, make_source
from wikistate.wiring.endpoints import FileEndpoint
from wikistate.wiring.pipeline import StatelessPipeline

if TYPE_CHECKING:
    from typing import TypeGuard

    from wikistate.wiring.endpoints import SinkEndpoint, SourceEndpoint
    from wikistate.wiring.pipeline import Pipeline

log = structlog.get_logger()


def announce_outputs(pipeline: Pipeline) -> None:
    """Log the files that have contents already. A source without a stored position may repeat the first of them."""
    for number, output in enumerate(_find_files(pipeline.sinks)):
        if not (contents := output.describe_contents()):
            continue
        if number == 0 and _reads_from_beginning(pipeline.source):
            source = "standard input" if pipeline.source.is_standard_stream else pipeline.source.path
            log.warning("output_repeated", file=output.place, contents=contents, source=source)
        else:
            log.info("output_appended", file=output.place, contents=contents)


def clear_outputs(pipeline: Pipeline) -> None:
    """Remove the contents of all files that a run writes, if it reads everything again.

    Raises:
        ConfigError: The run continues an earlier one, an output is not a file, or another process writes to it.
        WikistateError: The source cannot be read: the contents stay.
    """
    if not isinstance(pipeline, StatelessPipeline) or not _reads_from_beginning(pipeline.source):
        raise ConfigError(
            "--overwrite needs a source that each run reads from its beginning: a file without options.bookmark, or -.",
            hint="This run resumes at a stored position, and the events before it would be missing. Leave out --overwrite, or "
            "write to a new file.",
            key="--overwrite",
        )
    if not all(isinstance(sink, LocalOutput) for sink in pipeline.sinks):
        raise ConfigError("--overwrite replaces files only.", hint="Leave out --overwrite.", key="--overwrite")
    outputs = _find_files(pipeline.sinks)
    if not pipeline.source.is_standard_stream:
        run_async(_check_source(pipeline.source))
        _require_distinct(Path(pipeline.source.path), outputs)
    for output in outputs:
        output.clear()


def _require_distinct(source: Path, outputs: list[LocalOutput]) -> None:
    for output in outputs:
        if Path(output.place).exists() and Path(output.place).samefile(source):
            raise ConfigError(
                f"{output.place} is the source and an output.", hint="Write to another file.", key="--sink"
            )


def _find_files(sinks: tuple[SinkEndpoint, ...]) -> list[LocalOutput]:
    """Return the files, each once."""
    files = {sink.place: sink for sink in sinks if isinstance(sink, LocalOutput)}
    return list(files.values())


def _reads_from_beginning(source: SourceEndpoint) -> TypeGuard[FileEndpoint]:
    return isinstance(source, FileEndpoint) and not source.bookmark


async def _check_source(endpoint: SourceEndpoint) -> None:
    source = make_source(endpoint)
    try:
        await check_source(source)
    finally:
        await source.close()
