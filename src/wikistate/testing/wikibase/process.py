"""The fake Wikibase in a separate process."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson

from wikistate.testing.wiki.process import WikiProcess


class WikibaseProcess(WikiProcess):
    """Process of ``python -m wikistate.testing.wikibase`` with these arguments. See `WikiProcess`."""

    module: ClassVar[str] = "wikistate.testing.wikibase"

    async def edit(self, count: int = 1) -> list[dict[str, Any]]:
        """Simulate about so many changes and return their page_change events."""
        return _parse_events(await self._request("POST", f"/_control/edits?count={count}"))

    async def journal(self) -> list[dict[str, Any]]:
        """Return the page_change events of all changes."""
        return _parse_events(await self._request("GET", "/_control/journal"))

    async def dump(self) -> bytes:
        """Return the documents of all entities, as N-Triples."""
        return await self._request("GET", "/_control/dump")


def _parse_events(lines: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines.splitlines()]
