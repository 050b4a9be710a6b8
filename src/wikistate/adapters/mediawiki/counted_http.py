"""HTTP client that counts its requests to wikis: of queries, of a login, and of the discovery of a wiki."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from yarl import URL

from wikistate.adapters.http.client import HttpClient, HttpResponse, HttpSettings
from wikistate.adapters.mediawiki.metrics import FarmMetrics
from wikistate.core.enrichment.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.http.routes import Endpoint
    from wikistate.telemetry.meter import Meter


class CountedHttpClient(HttpClient):
    """See `HttpClient`. Each host is a farm of its own.

    Args:
        settings: Settings of the client.
        meter: Records the requests.
    """

    def __init__(self, settings: HttpSettings, meter: Meter) -> None:
        super().__init__(settings)
        self._meter = meter
        self._farms: dict[str, FarmMetrics] = {}

    async def request(
        self,
        endpoint: Endpoint,
        query: str,
        *,
        headers: Mapping[str, str],
        limit: int,
        form: str | None = None,
        body: bytes | None = None,
        method: str = "",
    ) -> HttpResponse | Failure:
        """See `HttpClient`."""
        host = endpoint.host or URL(endpoint.url).host or ""
        metrics = self._farms.get(host)
        if metrics is None:
            metrics = self._farms[host] = FarmMetrics(self._meter, host)
        started = monotonic()
        answer = await super().request(
            endpoint, query, headers=headers, limit=limit, form=form, body=body, method=method
        )
        metrics.request_seconds(monotonic() - started)
        metrics.count_request("error" if isinstance(answer, Failure) else str(answer.status))
        return answer


def build_http_client(settings: HttpSettings, meter: Meter | None) -> HttpClient:
    """Return a client that counts its requests; without a meter, one that does not."""
    return HttpClient(settings) if meter is None else CountedHttpClient(settings, meter)
