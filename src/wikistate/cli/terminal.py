"""Tables, live lines and documents at a terminal: the only module that uses Rich.

All texts pass through `show_text`, and Rich interprets neither markup nor names of emoji in them. A style is a separate
value, so that no text can set one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson
from rich.console import Console
from rich.json import JSON
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from wikistate.cli.output import open_stream
from wikistate.secret import mask
from wikistate.telemetry.outside_text import MAX_CELL, show_text
from wikistate.telemetry.standard_streams import make_encodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TextIO

    from rich.progress import Task


class Styled(NamedTuple):
    """Text with a style of Rich, such as ``red``; the text itself sets none."""

    text: str
    style: str = ""


class Terminal:
    """Standard output or standard error, for people.

    Args:
        stderr: Whether to write to standard error.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        file: Any = _EncodableFile(open_stream(stderr=stderr))
        self._console = Console(file=file, markup=False, emoji=False, highlight=False)

    def print_line(self, *parts: str | Styled) -> None:
        """Print one line, which is not wrapped."""
        line = Text()
        for part in parts:
            text, style = part if isinstance(part, Styled) else Styled(part)
            line.append(show_text(text), style)
        self._console.print(line, soft_wrap=True)

    def print_table(
        self, rows: Iterable[Sequence[str]], *, header: Sequence[str] = (), is_numbered: bool = True
    ) -> None:
        """Print a table.

        Args:
            rows: Cells of each row.
            header: Names of the columns; empty for a table without a header.
            is_numbered: Whether the first column holds numbers.
        """
        table = Table(box=None, padding=(0, 2), show_header=bool(header))
        for number, cells in enumerate(rows):
            if number == 0:
                for column, _ in enumerate(cells):
                    name = show_text(header[column]) if header else ""
                    table.add_column(Text(name), justify="left" if column or not is_numbered else "right")
            table.add_row(*(Text(show_text(cell, MAX_CELL), overflow="fold") for cell in cells))
        self._console.print(table)

    def print_json(self, document: object) -> None:
        """Print a JSON document with colours. Invisible characters are escaped."""
        text = mask(orjson.dumps(document).decode())
        self._console.print(JSON(text, indent=2, ensure_ascii=not text.isprintable()))

    def make_progress(self, describe: Callable[[], Iterable[Styled]], *, has_total: bool) -> Progress:
        """Return a live line.

        Args:
            describe: Returns the parts of the description.
            has_total: Whether the number of records is known, now or later.
        """
        line = (_Description(describe), TimeElapsedColumn())
        if not has_total:
            return Progress(SpinnerColumn(), *line, console=self._console)
        left = (TextColumn("left:", markup=False), TimeRemainingColumn(elapsed_when_finished=False))
        return Progress(BarColumn(), MofNCompleteColumn(), *line, *left, console=self._console)


class _Description(ProgressColumn):
    """Column of a live line that describes the run at this moment."""

    def __init__(self, describe: Callable[[], Iterable[Styled]]) -> None:
        self._describe = describe
        super().__init__()

    def render(self, task: Task) -> Text:  # noqa: ARG002  (there is one task)
        """Return the parts with commas between them."""
        return Text(", ").join(Text(show_text(text, MAX_CELL), style) for text, style in self._describe())


class _EncodableFile:
    """File of a console whose encoding may lack characters.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write with escapes for the characters that the encoding lacks."""
        return self._stream.write(make_encodable(text, self._stream))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
