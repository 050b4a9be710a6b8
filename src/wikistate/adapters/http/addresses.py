"""Addresses of servers in the settings: whether they are HTTP URLs, and whether a secret may be sent to them."""

from __future__ import annotations

from ipaddress import ip_address

from yarl import URL

from wikistate.errors import ConfigError


def is_http_url(text: str) -> bool:
    """Return whether a text is an http or https URL with a host."""
    try:
        url = URL(text)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.host)


def require_encrypted(url: str, *, key: str, hint: str, allowed: bool) -> None:
    """Raise `ConfigError` if a secret for this URL would be sent unencrypted to another machine.

    Args:
        url: URL of the server; one that is not valid is left to the client.
        key: Dotted path of the credentials in the settings.
        hint: Advice which setting must have an https URL.
        allowed: Whether the operator permits it, with the setting `allow_unencrypted` of the credentials.
    """
    if allowed or not is_http_url(url):
        return
    address = URL(url)
    if address.scheme == "http" and not is_loopback(address.host or ""):
        raise ConfigError(
            f"{key}: a secret would go to {address.host} unencrypted.",
            hint=f"{hint} In a network that you trust, {key}.allow_unencrypted permits it.",
            key=key,
        )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
