"""Origins: the servers that requests may be sent to, and the addresses that their names may have.

An answer may name a server: a redirect, a link in a page, the siteinfo of a wiki. It is untrusted. Requests are sent only to
origins (scheme, host and port; RFC 6454) that the settings name, and what an answer names must lie on the origin of the
address that was asked, or be confirmed by the setting `allowed_origins`.

A name that no setting has, such as that of a public wiki in an event, must have public addresses. The addresses are checked
between the look-up of the name and the connection, so that no second look-up can give others.
"""

from __future__ import annotations

import http.client
import re
import socket
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from aiohttp.abc import AbstractResolver
from aiohttp.resolver import DefaultResolver
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

SETTING = "allowed_origins"
"""The setting that confirms an origin."""

_DOMAIN, _PLACEHOLDER = "{domain}", "domain-of-a-wiki"
_AUTHORITY_END = re.compile("[/?#]")
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PARSED = 4096  # origins; hosts that events invent must not fill the memory

_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)
"""Addresses of the metadata services of clouds, which answer with credentials. No name of a wiki or a store has one."""

_NAT64 = IPv6Network("64:ff9b::/96")
_LAST_32_BITS = 0xFFFFFFFF


class RefusedAddressError(ValueError):
    """Address that a name must not have. The message says which, and which setting allows it."""


@lru_cache(maxsize=_MAX_PARSED)
def parse_origin(url: str, *, allows_user: bool = False) -> str:
    """Return the origin of an http or https URL in its canonical form, such as ``https://my.wiki``.

    Args:
        url: The URL.
        allows_user: Whether a user and a password may precede the name of the server, as in a URL of the settings. They are not
            part of the origin.

    Raises:
        ValueError: The URL has another scheme, no host, a user, or characters that clients read in different ways.
    """
    authority = url.partition("://")[2]
    if _CONTROL.search(_AUTHORITY_END.split(authority, maxsplit=1)[0]) or _CONTROL.match(url):
        raise ValueError(f"{url!r:.200} has a space, a backslash or a control character in the name of its server.")
    parsed = URL(url)
    if parsed.scheme not in _DEFAULT_PORTS or not parsed.host:
        raise ValueError(f"{url!r:.200} is not an http or https URL.")
    if not allows_user and (parsed.user is not None or parsed.password is not None):
        raise ValueError("The URL has a user before the name of its server.")
    return str(parsed.origin())


@dataclass(frozen=True)
class Origins:
    """Origins that requests may be sent to.

    Attributes:
        named: URLs that the settings name; their paths do not matter.
        confirmed: Origins that answers may name as well: the setting `allowed_origins`.
        templates: URLs with ``{domain}`` that the settings name, for the domains that are allowed.
        public_domains: Domains that are allowed by default, with their subdomains, at https. Their addresses are public.
    """

    named: frozenset[str] = frozenset()
    confirmed: frozenset[str] = frozenset()
    templates: tuple[str, ...] = ()
    public_domains: tuple[str, ...] = ()

    @cached_property
    def _known(self) -> frozenset[str]:
        known = {origin for url in (*self.named, *self.confirmed) if (origin := try_origin(url, allows_user=True))}
        return frozenset(known | {upgraded for origin in known if (upgraded := _upgrade(origin))})

    @cached_property
    def _known_hosts(self) -> frozenset[str]:
        return frozenset(str(URL(origin).raw_host) for origin in self._known)

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(_compile, self._template_origins))

    @cached_property
    def _host_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_compile(str(URL(origin).raw_host)) for origin in self._template_origins)

    @cached_property
    def _template_origins(self) -> tuple[str, ...]:
        return tuple(filter(None, (try_origin(each.replace(_DOMAIN, _PLACEHOLDER)) for each in self.templates)))

    def admits(self, url: str) -> bool:
        """Return whether requests may be sent to the server of a URL."""
        origin = try_origin(url, allows_user=True)
        if not origin:
            return False
        return origin in self._known or self._is_templated(origin) or self._is_public_wiki(origin)

    def requires_public_address(self, host: str) -> bool:
        """Return whether a host must have public addresses: no setting names it."""
        name = host.lower()
        return name not in self._known_hosts and not any(each.fullmatch(name) for each in self._host_patterns)

    def may_follow(self, stated: str, *, asked: str) -> bool:
        """Return whether the address that an answer states may be used in place of the one that was asked.

        It is on the same origin, or on the same host with https at its default port in place of http, or confirmed.
        """
        origin, ours = try_origin(stated), try_origin(asked, allows_user=True)
        return bool(origin) and (origin == ours or origin == _upgrade(ours) or self.is_confirmed(stated))

    def is_confirmed(self, url: str) -> bool:
        """Return whether the setting `allowed_origins` has the origin of a URL."""
        return try_origin(url) in {try_origin(each) for each in self.confirmed} - {""}

    def _is_templated(self, origin: str) -> bool:
        return any(pattern.fullmatch(origin) for pattern in self._patterns)

    def _is_public_wiki(self, origin: str) -> bool:
        scheme, _, host = origin.partition("://")
        return scheme == "https" and any(
            host == domain or host.endswith(f".{domain}") for domain in self.public_domains
        )


def explain_refusal(stated: str, *, asked: str) -> str:
    """Return why an address is not requested, as a clause: what was named, and which setting confirms it."""
    origin = try_origin(stated)
    if not origin:
        return "it is not an http or https address without a user"
    return (
        f"{origin:.200} is not the server of {try_origin(asked, allows_user=True):.200}, which the settings name; to confirm it, add "
        f"{origin:.200} to {SETTING}"
    )


def refuse_address(address: str, *, is_named: bool) -> str:
    """Return the reason why the address of a name is refused; empty if it is allowed.

    Args:
        address: IP address from the look-up of the name.
        is_named: Whether the settings have the name. Then the address may be private, as in any internal network, but not
            that of a metadata service of a cloud, and not one that no server has.
    """
    ip = _unwrap(ip_address(address))
    if ip in _METADATA or ip.is_multicast or ip.is_unspecified:
        return "no server of this kind has such an address"
    return "" if is_named or ip.is_global else "it is not a public address"


class GuardedResolver(AbstractResolver):
    """Resolver of names that refuses addresses; see `refuse_address`. The connection uses its result and no other.

    Args:
        origins: Names in the settings.
        inner: Resolver that looks a name up; None for that of the system.
    """

    def __init__(self, origins: Origins, inner: AbstractResolver | None = None) -> None:
        self._origins = origins
        self._inner = inner or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raise `RefusedAddressError` if one of them is refused."""
        found = await self._inner.resolve(host, port, family)
        is_named = not self._origins.requires_public_address(host)
        for each in found:
            check_address(host, each["host"], is_named=is_named)
        return found

    async def close(self) -> None:
        """Release the resolver."""
        await self._inner.close()


def check_address(host: str, address: str, *, is_named: bool) -> None:
    """Raise `RefusedAddressError` if a host has an address that is refused."""
    if reason := refuse_address(address, is_named=is_named):
        raise RefusedAddressError(
            f"{host:.200} has the address {address}: {reason}. If it is right, name the server by this address in the settings."
        )


class GuardedConnection(http.client.HTTPConnection):
    """Blocking connection that checks the address of its peer before the first byte is sent."""

    def connect(self) -> None:
        """Connect. Raise `RefusedAddressError` if the host has an address that is refused."""
        super().connect()
        address = str(self.sock.getpeername()[0])
        if address != self.host:  # the settings have the name of the server, or the address itself
            try:
                check_address(self.host, address, is_named=True)
            except RefusedAddressError:
                self.close()
                raise


class GuardedTlsConnection(http.client.HTTPSConnection, GuardedConnection):
    """See `GuardedConnection`; the check precedes the TLS handshake."""


def _compile(template: str) -> re.Pattern[str]:
    """Return the pattern of the origins, or the hosts, of a template."""
    return re.compile("[a-z0-9.-]+".join(map(re.escape, template.split(_PLACEHOLDER))))


def try_origin(url: str, *, allows_user: bool = False) -> str:
    """Return the origin of a URL as `parse_origin` does; empty for a URL without one."""
    try:
        return parse_origin(url, allows_user=allows_user)
    except ValueError:
        return ""


def _upgrade(origin: str) -> str:
    """Return the origin with https at its default port, for an origin with http at its default port; else empty."""
    url = URL(origin)
    return str(url.with_scheme("https")) if url.scheme == "http" and url.explicit_port is None else ""


def _unwrap(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address in an IPv6 address that stands for one (RFC 4291, 3056, 6052)."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & _LAST_32_BITS)
    return ip.ipv4_mapped or ip.sixtofour or ip
