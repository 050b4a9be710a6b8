"""The authentication at an HTTP server that is neither a wiki nor a broker, and the logins in the URLs of settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from wikistate.config.base import Settings
from wikistate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class HttpAuthentication(Settings):
    """The authentication at an HTTP server. Settings name secrets, which are in a file or in the environment."""

    user: str = ""
    """User name, for basic authentication."""

    password: Secret | None = None
    """Password. A login in the URL of the server is moved here and to `user`. Name a file or a variable instead: the
    arguments of a process are visible to others."""

    password_env: str = ""
    """Environment variable with the password."""

    password_file: str = ""
    """File with the password."""

    token_env: str = ""
    """Environment variable with a bearer token."""

    token_file: str = ""
    """File with a bearer token."""

    allow_unencrypted: bool = False
    """Whether the login may be sent over http to another machine, in a network that you trust."""


_AUTHORITY = re.compile(r"[^/?#]*")
_BAD_PORT = re.compile(r":(?![0-9]*\Z)")


def split_login(url: str) -> tuple[str, dict[str, object]]:
    """Return a URL without its login, and the login as settings of `HttpAuthentication`; empty without one."""
    found = _find_login(url)
    if found is None:
        return url, {}
    begin, end = found
    user, colon, password = url[begin:end].partition(":")
    values: dict[str, object] = {"user": unquote(user)}
    if colon:
        values["password"] = Secret.parse(unquote(password))
    return url[:begin] + url[end + 1 :], values


def has_login(text: str) -> bool:
    """Return whether a text is a URL with a login."""
    return _find_login(text) is not None


def _find_login(url: str) -> tuple[int, int] | None:
    """Return the places where a login begins and ends; None without one."""
    scheme, separator, rest = url.partition("://")
    if not separator or "@" not in rest:
        return None
    begin = len(scheme) + len(separator)
    authority = _AUTHORITY.match(rest)[0]  # type: ignore[index]  # it matches every text
    if "@" not in authority and (authority.startswith("[") or not _BAD_PORT.search(authority)):
        return None
    # A password with a slash ends the authority too early; what stands there is not a port.
    return begin, begin + (authority if "@" in authority else rest).rindex("@")


def move_logins(values: Any, names: tuple[str, ...]) -> Any:
    """Return the values of a section with the logins of some URLs in its key `authentication`.

    Args:
        values: The section as it was written.
        names: The keys of the URLs.

    Raises:
        ValueError: There are two different logins.
    """
    if not isinstance(values, dict):
        return values
    for name in names:
        if not isinstance(values.get(name), str):
            continue
        url, login = split_login(values[name])
        if login:
            stated = values.get("authentication") or {}
            values = {**values, name: url, "authentication": _join_logins(stated, login, name)}
    return values


def _join_logins(stated: Any, login: dict[str, object], name: str) -> Any:
    if not isinstance(stated, dict):
        return stated  # its own error is reported
    known = {key: value for key, value in stated.items() if key != "allow_unencrypted" and value}
    if known and known != login:
        raise ValueError(f"{name} has a login, and authentication has another one; state it once, in authentication")
    return {**stated, **login}


ALLOWED_LOGINS = (
    ("store", "location"),
    ("store", "query_url"),
    ("stream_manager", "source", "options", "url"),
    ("stream_manager", "schema_uris"),
    ("stream_manager", "stream_config_uri"),
)
"""The settings whose URLs may hold a login, which is moved to its own setting."""

_FREE = (("flink",), ("log_config",), ("filter",), ("enrich", "contact"))
"""The settings of others, and texts that are not addresses."""


def find_refused_logins(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the settings with a URL that has a login and must not have one."""
    for name, value in values.items():
        inner = (*path, str(name))
        if inner in ALLOWED_LOGINS or inner in _FREE:
            continue
        if isinstance(value, dict):
            yield from find_refused_logins(value, inner)
        elif any(isinstance(each, str) and has_login(each) for each in (*_items(value), str(name))):
            yield inner


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
