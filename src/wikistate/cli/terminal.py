"""Tables, live lines and documents at a terminal: the only module that uses Rich.

All texts pass through `show_text`, and Rich interprets neither markup nor names of emoji in them. A style is a separate
value, so that no text can set one.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, NamedTuple

import orjson
from rich.console import Console
from rich.control import Control
from rich.json import JSON
from rich.segment import ControlType
from rich.table import Table
from rich.text import Text

from wikistate.cli.output import open_stream
from wikistate.secret import mask
from wikistate.telemetry.logs import LOG_OUTPUT
from wikistate.telemetry.outside_text import MAX_CELL, show_text
from wikistate.telemetry.standard_streams import make_encodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, TextIO


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

    @property
    def width(self) -> int:
        """Columns of the terminal; 80 if there is none."""
        return self._console.width

    @contextlib.contextmanager
    def show_live(self) -> Iterator[LiveText]:
        """Show a live line inside the block, above which log lines are printed. Without a terminal there is none."""
        live = LiveText(self._console)
        if not self._console.is_terminal:
            yield live
            return
        try:
            with LOG_OUTPUT.share(live.hidden):
                yield live
        finally:
            live.update(())


class LiveText:
    """Last line of a terminal, which is replaced again and again, on any thread.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._line = Text()
        self._lock = threading.RLock()

    def update(self, parts: Iterable[Styled]) -> None:
        """Replace the line. Without parts it disappears."""
        line = Text()
        for text, style in parts:
            line.append(show_text(text, MAX_CELL), style)
        with self._lock:
            self._line = line
            self._erase()
            self._draw()

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Remove the line from the terminal inside the block, in which whole lines may be written."""
        with self._lock:
            self._erase()
            try:
                yield
            finally:
                self._draw()

    def _erase(self) -> None:
        if self._console.is_terminal:
            self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))

    def _draw(self) -> None:
        if self._console.is_terminal:
            self._console.print(self._line, end="", no_wrap=True, overflow="ellipsis")


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
