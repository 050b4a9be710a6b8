"""The small Wikibase in a process of its own."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson

from wikistate.testing.wiki.process import WikiProcess


class WikibaseProcess(WikiProcess):
    """Starts ``python -m wikistate.testing.wikibase`` with these arguments, and ends it. See `WikiProcess`."""

    module: ClassVar[str] = "wikistate.testing.wikibase"

    async def edit(self, count: int = 1) -> list[dict[str, Any]]:
        """Let the editors make about so many changes; their page_change events."""
        return _parse_events(await self._request("POST", f"/_control/edits?count={count}"))

    async def journal(self) -> list[dict[str, Any]]:
        """The page_change events of all changes."""
        return _parse_events(await self._request("GET", "/_control/journal"))

    async def dump(self) -> bytes:
        """The documents of all entities, as N-Triples."""
        return await self._request("GET", "/_control/dump")


def _parse_events(lines: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines.splitlines()]
