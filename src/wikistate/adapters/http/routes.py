"""Routes that send the requests for an origin to another one: a service mesh whose sidecar listens on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Endpoint(NamedTuple):
    """Address to which a request is sent.

    Attributes:
        url: URL without a query.
        host: Value of the header ``Host`` if it is not the host of the URL, else None.
    """

    url: str
    host: str | None


class Routes:
    """Routes of the requests for some origins.

    Args:
        routes: Mapping of origin to origin. A path in a key or a value is ignored.

    Raises:
        ConfigError: A key or a value is not an http or https URL.
    """

    def __init__(self, routes: Mapping[str, str]) -> None:
        self._routes = {_origin(source): _origin(target) for source, target in routes.items()}

    def resolve(self, url: str, host: str | None = None) -> Endpoint:
        """Return the address for requests to a URL.

        Args:
            url: URL without a query.
            host: Value of the header ``Host``; None for the host of the URL.
        """
        requested = URL(url, encoded=True)
        target = self._routes.get(requested.origin())
        if target is None:
            return Endpoint(url, host)
        routed = target.join(requested.relative())
        return Endpoint(str(routed), host or requested.host_port_subcomponent)


def _origin(text: str) -> URL:
    try:
        url = URL(text)
        if url.scheme in ("http", "https") and url.host:
            return url.with_user(None).origin()
    except ValueError:
        pass  # the error below explains it
    raise ConfigError(
        f"{text!r} is not an http or https URL.",
        hint="A route is written as https://origin: http://localhost:6500.",
        key="http_client_routes",
    )
