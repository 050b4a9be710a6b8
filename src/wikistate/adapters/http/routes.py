"""Routes: where the requests for an origin really go, for a service mesh whose sidecar listens on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Endpoint(NamedTuple):
    """Where a request really goes.

    Attributes:
        url: Without a query.
        host: What to send as ``Host`` where that is not the URL's own host, else None.
    """

    url: str
    host: str | None


class Routes:
    """Sends the requests for some origins elsewhere.

    Args:
        routes: Origin to origin. A path in a key or a value is ignored.

    Raises:
        ConfigError: A key or a value is no http(s) URL.
    """

    def __init__(self, routes: Mapping[str, str]) -> None:
        self._routes = {_origin(source): _origin(target) for source, target in routes.items()}

    def resolve(self, url: str, host: str | None = None) -> Endpoint:
        """Where requests for a URL go. `host` is kept when given; otherwise a route keeps the URL's own."""
        asked = URL(url, encoded=True)
        target = self._routes.get(asked.origin())
        if target is None:
            return Endpoint(url, host)
        routed = target.join(asked.relative())
        return Endpoint(str(routed), host or asked.host_port_subcomponent)


def _origin(text: str) -> URL:
    try:
        url = URL(text)
        if url.scheme in ("http", "https") and url.host:
            return url.with_user(None).origin()
    except ValueError:
        pass  # said better below
    raise ConfigError(
        f"{text!r} is not an http or https URL.",
        hint="A route is written as https://origin: http://localhost:6500.",
        key="http_client_routes",
    )
