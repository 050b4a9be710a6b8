"""HTTP client of a SPARQL endpoint (SPARQL 1.1 Protocol): one attempt of a request, with the credential."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.triplestore.answer_size import MAX_ANSWER_BYTES
from wikistate.adapters.triplestore.responses import classify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wikistate.adapters.triplestore.credentials import Credential
    from wikistate.adapters.triplestore.responses import Rejected, Retry, Success


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """Settings of a SPARQL endpoint.

    Attributes:
        update_url: URL for updates.
        query_url: URL for queries; empty for the same URL.
        credential: Sent with each request.
        ca_bundle: File of certificates to trust instead of those of the system.
        connect_timeout: Longest time to establish a connection, in seconds.
        request_timeout: Longest duration of a request, in seconds. An update that takes longer is sent again.
        first_wait: Seconds before the first retry. Each wait is twice the previous one.
        longest_wait: Longest wait in seconds, unless the endpoint itself requests more.
        max_retry_after: Longest wait in seconds that the endpoint itself can request.
        tries: Largest number of attempts for a request at which the endpoint itself fails (status 500). While the
            endpoint is unreachable or busy, attempts are not limited.
        reconnect_limit: Seconds during which an endpoint that has answered well before is asked again, whatever it answers.
            None: no limit; 0: an odd answer is final.
    """

    update_url: str
    query_url: str = ""
    credential: Credential | None = None
    ca_bundle: Path | None = None
    connect_timeout: float = 10.0
    request_timeout: float = 600.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    max_retry_after: float = 3600.0
    tries: int = 6
    reconnect_limit: float | None = None


class EndpointClient:
    """See the module. Protocol: `open` once, `send` from any task, `close` once.

    Args:
        settings: Settings of the endpoint.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self._credential = settings.credential
        self._http = HttpClient(
            HttpSettings(
                ca_bundle=settings.ca_bundle,
                connect_timeout=settings.connect_timeout,
                read_timeout=settings.request_timeout,
                total_timeout=settings.request_timeout,
                gzip=False,
            )
        )

    async def open(self) -> None:
        """Open the HTTP session. No request is sent. Raises `ConfigError` if the CA bundle cannot be read."""
        await self._http.open()

    async def send(
        self, url: str, headers: Mapping[str, str], *, form: str | None = None, body: bytes | None = None
    ) -> Success | Retry | Rejected:
        """Send a request once and return the meaning of its response.

        Args:
            url: URL for updates or for queries.
            headers: Headers, without the credential.
            form: Fields of a form, encoded; None for none.
            body: Body; None for none.
        """
        sent = {**headers, "Authorization": self._credential.header} if self._credential is not None else headers
        response = await self._http.request(
            self._http.endpoint(url), "", headers=sent, limit=MAX_ANSWER_BYTES, form=form, body=body
        )
        return classify(response, url=url, now=time.time())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
