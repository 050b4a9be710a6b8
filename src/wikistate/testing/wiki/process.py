"""The fake wiki in a separate process."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Self

import aiohttp
import orjson

from wikistate.errors import PartError
from wikistate.testing.faults import Rule, encode_rules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

START_SECONDS = 30.0


class WikiProcess:
    """Process of ``python -m wikistate.testing.wiki`` with these arguments; it ends with the block.

    ::

        async with WikiProcess("--bench", "--body-bytes", "10240") as wiki:
            ...
            print(await wiki.stats())

    It ends with its parent process even if that is killed, because then its standard input closes.
    """

    module: ClassVar[str] = "wikistate.testing.wiki"

    def __init__(self, *arguments: str) -> None:
        self.url = ""
        self._arguments = arguments

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self.module, "--until-input-ends", *self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self.url = await self._read_url()
        self._session = aiohttp.ClientSession(self.url, raise_for_status=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._terminate()

    async def stats(self) -> dict[str, Any]:
        """Return the counts, see `wikistate.testing.wiki.RequestLog.report`."""
        counts: dict[str, Any] = orjson.loads(await self._request("GET", "/_control/stats"))
        return counts

    async def clear_stats(self) -> None:
        """Reset the counts."""
        await self._request("DELETE", "/_control/stats")

    async def set_faults(self, rules: Iterable[Rule]) -> None:
        """Replace all rules."""
        await self._request("POST", "/_control/faults", encode_rules(rules))

    async def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        async with self._session.request(method, path, data=body) as response:
            return await response.read()

    async def _read_url(self) -> str:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line.startswith(b"http://"):
            await self._terminate()
            raise PartError(
                "The fake wiki did not start.",
                hint="Its standard error above shows the reason.",
                arguments=self._arguments,
            )
        return line.decode().strip()

    async def _terminate(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.communicate()
