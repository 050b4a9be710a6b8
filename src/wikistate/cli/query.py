"""``wikistate store query``: the answer to a SPARQL query as a table, JSON, CSV, TSV or N-Triples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wikistate.cli import stopping
from wikistate.cli.execution import run_async
from wikistate.cli.exits import Exit
from wikistate.cli.output import is_terminal, print_document, print_line, print_lines
from wikistate.cli.query_format import QueryFormat
from wikistate.cli.settings import load_configuration
from wikistate.errors import ConfigError, InputError, StoreError
from wikistate.jobs.rdf_consumer import NAME
from wikistate.ops.store_query import query_store
from wikistate.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from wikistate.adapters.triplestore.query_answer import QueryAnswer
    from wikistate.cli.settings import CliSettings
    from wikistate.ops.store_query import AnsweredQuery

TABLE_ROWS, DOCUMENT_ROWS = 1_000, 100_000
"""Default of the largest number of rows: in a table for people, and in a document for programs."""

MAX_QUERY = 1 << 20
"""Bytes of a query in a file or on standard input."""

_KEYWORDS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE", "PREFIX", "BASE")


class QueryRequest(NamedTuple):
    """Arguments of ``wikistate store query``.

    Attributes:
        text: A query, the path of a file with one, or ``-`` for standard input.
        format: Format of the answer; None for a table at a terminal, and TSV elsewhere.
        limit: Largest number of rows or triples; None for the default.
        seconds: Longest time for the answer.
    """

    text: str
    format: QueryFormat | None
    limit: int | None
    seconds: float


def query(flags: CliSettings, request: QueryRequest) -> Exit:
    """Print the answer to a query.

    Raises:
        WikistateError: The query is not valid, the store does not answer, or a setting is wrong.
    """
    text = _read_query(request.text)
    configuration = load_configuration(NAME, flags).configuration
    configure_logs(configuration.telemetry)
    shown = request.format or (QueryFormat.TABLE if is_terminal() else QueryFormat.TSV)
    limit = request.limit or (TABLE_ROWS if shown is QueryFormat.TABLE else DOCUMENT_ROWS)
    try:
        found = run_async(query_store(configuration.store, text, limit=limit, seconds=request.seconds))
    except StoreError:
        stopping.end_soon(Exit.EXTERNAL)  # a query that still runs cannot be interrupted
        raise
    _print(found, shown, is_chosen=request.format is not None)
    if not found.answer.is_cut:
        return Exit.OK
    more = f"There is more than {limit:,} {'rows' if found.answer.triples is None else 'triples'}."
    if shown is QueryFormat.TABLE or request.limit is not None:
        print_line(f"{more} --limit shows more.", stderr=True)
        return Exit.OK
    raise StoreError(f"{more} The output is not complete.", hint="Set the size that you expect with --limit.")


def _read_query(text: str) -> str:
    if text == "-":
        return _decode(sys.stdin.buffer.read(MAX_QUERY + 1), "standard input")
    first = text.lstrip().partition(" ")[0].partition("\n")[0].upper()
    if "{" in text or first.startswith(_KEYWORDS) or "#" in first:
        return text
    path = Path(text)
    try:
        with path.open("rb") as file:
            return _decode(file.read(MAX_QUERY + 1), text)
    except OSError as error:
        raise ConfigError(
            f"{text!r:.200} is neither a query nor a file that can be read: {error.strerror}.",
            hint="Write the query in quotes, as in 'SELECT * WHERE { ?s ?p ?o } LIMIT 10', or name a file, or - for standard input.",
        ) from error


def _decode(content: bytes, name: str) -> str:
    if len(content) > MAX_QUERY:
        raise InputError(f"The query in {name} is larger than {MAX_QUERY:,} bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"The query in {name} is not UTF-8: {error}.") from error


def _print(found: AnsweredQuery, shown: QueryFormat, *, is_chosen: bool) -> None:
    answer = found.answer
    if answer.triples is not None:
        if is_chosen:
            print_line("A graph is printed as N-Triples, whatever --format says.", stderr=True)
        _print_document("\n".join(answer.triples))
    elif shown is QueryFormat.JSON:
        _print_document(answer.to_json())
    elif answer.boolean is not None:
        print_line("true" if answer.boolean else "false")
    elif shown is not QueryFormat.TABLE:
        _print_document(answer.to_csv() if shown is QueryFormat.CSV else answer.to_tsv())
    else:
        _print_table(answer, found)


def _print_table(answer: QueryAnswer, found: AnsweredQuery) -> None:
    from wikistate.cli.terminal import Terminal  # noqa: PLC0415  (Rich takes a while to import)

    if not answer.rows:
        print_line("No rows.", stderr=True)
        return
    Terminal().print_table(answer.cells(found.prefixes), header=answer.variables, is_numbered=False)


def _print_document(text: str) -> None:
    if not text:
        print_line("No triples.", stderr=True)
    elif is_terminal():
        print_lines(text)  # CSV and N-Triples do not escape the characters that control a terminal
    else:
        print_document(text)
