"""The declaration of a log event."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LogEvent:
    """Declaration of a log event.

    Attributes:
        id: Name in snake case; the same in every format.
        level: Level of each line.
        sentence: Text on a terminal. Names in braces are replaced by fields. Texts of other programs (reasons,
            tracebacks) are not part of it: they may be long or have several lines.
        meaning: Cause of the event, and the reaction of the operator.
        fields: Fields of each line.
        optional: Fields of some lines.
    """

    id: str
    level: Literal["debug", "info", "warning", "error"]
    sentence: str
    meaning: str
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Fields that are part of the sentence."""
        return tuple(name for _, name, _, _ in Formatter().parse(self.sentence) if name)

    def describes(self, line: Mapping[str, Any]) -> bool:
        """Return whether a log line has all the fields of this event."""
        return all(name in line for name in self.fields)
