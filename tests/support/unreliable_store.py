"""A SPARQL endpoint in this process whose store fails in chosen updates, and may come back in another state.

It takes the place of the HTTP client of `wikistate.adapters.triplestore.endpoint.SparqlEndpoint`, so that a test can visit every
point of a run within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

from multidict import CIMultiDict, CIMultiDictProxy
from pyoxigraph import QueryBoolean, QueryResultsFormat, QuerySolutions, Store

from wikistate.adapters.http.client import HttpResponse
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyoxigraph import Quad

_SEPARATOR = " ;\n"
"""Separator of the operations of an update; no literal holds a raw line feed."""


class Moment(StrEnum):
    """Moment of a fault, relative to the update in which it occurs."""

    BEFORE = "before"
    """The update does not arrive; the client sees a broken connection."""

    DURING = "during"
    """The first half of the operations is applied, as by a store without transactions; the connection breaks."""

    AFTER = "after"
    """The update is applied, but the connection breaks before the response."""

    BETWEEN = "between"
    """The update is applied and acknowledged, and the fault is between it and the next request."""

    LATE = "late"
    """The connection breaks, and the update is applied later: before the third update after it."""

    HALF_AND_LATE = "half and late"
    """Status 500. The first half of the operations stays invisible, and becomes visible with the next update, as in QLever."""


class Loss(StrEnum):
    """State in which a store comes back after a fault."""

    NOTHING = "nothing"
    LAST = "the last update"
    SOME = "some updates"
    EVERYTHING = "everything"


class StoreFault(NamedTuple):
    """Fault of one update."""

    moment: Moment
    loss: Loss = Loss.NOTHING


_LOST_UPDATES = {Loss.NOTHING: 0, Loss.LAST: 1, Loss.SOME: 4}


@dataclass
class UnreliableStore:
    """See the module. It has the methods of `wikistate.adapters.http.client.HttpClient` that an endpoint uses.

    Attributes:
        faults: Faults by the number of the update, from 0.
        store: Content of the store.
        updates: Number of updates until now.
    """

    faults: Mapping[int, StoreFault]
    store: Store = field(default_factory=Store)
    updates: int = 0
    _history: list[frozenset[Quad]] = field(default_factory=lambda: [frozenset()])
    _pending: list[tuple[int, str]] = field(default_factory=list)

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    def endpoint(self, url: str) -> str:
        """Return the address of a request."""
        return url

    async def request(
        self,
        endpoint: object,  # noqa: ARG002  (there is one endpoint)
        path: str,  # noqa: ARG002
        *,
        headers: Mapping[str, str],  # noqa: ARG002
        limit: int,  # noqa: ARG002
        form: str | None = None,
        body: bytes | None = None,
    ) -> HttpResponse | Failure:
        """Answer a query, or apply an update with its fault."""
        if form is not None:
            return _respond(self._query(parse_qs(form)["query"][0]))
        assert body is not None
        return self._apply_with_fault(body.decode())

    def _query(self, text: str) -> bytes:
        results = self.store.query(text)
        assert isinstance(results, (QuerySolutions, QueryBoolean))
        return results.serialize(format=QueryResultsFormat.JSON) or b""

    def _apply_with_fault(self, text: str) -> HttpResponse | Failure:
        number, fault = self.updates, self.faults.get(self.updates)
        self.updates += 1
        self._apply_pending(number)
        match None if fault is None else fault.moment:
            case Moment.BEFORE:
                self._lose(fault)
            case Moment.DURING:
                self._apply(_first_half(text))
                self._lose(fault)
            case Moment.AFTER:
                self._apply(text)
                self._lose(fault)
            case Moment.BETWEEN:
                self._apply(text)
                self._lose(fault)
                return _respond()
            case Moment.LATE:
                self._pending.append((number + 3, text))
            case Moment.HALF_AND_LATE:
                self._pending.append((number + 1, _first_half(text)))
                return _respond(b"The last operation failed.", status=500)
            case None:
                self._apply(text)
                return _respond()
        return Failure(FailureKind.CONNECTION_FAILED, "the server was killed")

    def _apply_pending(self, number: int) -> None:
        due = [text for at, text in self._pending if at <= number]
        self._pending = [(at, text) for at, text in self._pending if at > number]
        for text in due:
            self._apply(text)

    def _apply(self, text: str) -> None:
        self.store.update(text)
        self._history.append(frozenset(self.store))

    def _lose(self, fault: StoreFault | None) -> None:
        """Bring the store back as it was some updates ago."""
        assert fault is not None
        ago = _LOST_UPDATES.get(fault.loss, len(self._history))
        self._history = self._history[: max(1, len(self._history) - ago)]
        self.store.clear()
        self.store.extend(self._history[-1])


def _first_half(text: str) -> str:
    operations = text.split(_SEPARATOR)
    return _SEPARATOR.join(operations[: len(operations) // 2])


def _respond(body: bytes = b"", *, status: int = 200) -> HttpResponse:
    return HttpResponse(status, CIMultiDictProxy(CIMultiDict()), body)
