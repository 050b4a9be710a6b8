"""The parts that the URLs of several connectors have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from wikistate.adapters.connectors.start_stop import format_bound, parse_since, parse_until
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIME_OPTIONS = ("since", "end")
"""The options of a source that is read by time."""


def parse_path(text: str, *, key: str) -> str:
    """Return the path that a URL such as ``file:PATH`` names.

    The forms are those of RFC 8089: ``file:///abs`` and ``file://localhost/abs`` beside ``file:/abs``. A relative path
    is an extension.

    Raises:
        ConfigError: There is no path, or it is on another host.
    """
    scheme, _, rest = text.partition(":")
    path = unquote(rest.removeprefix("//localhost")) if rest.startswith("//localhost/") else unquote(rest)
    if path.startswith("//") and not path.startswith("///"):
        raise ConfigError(
            f"{key} is {text!r}: a file of another host cannot be read.",
            hint=f"Write {scheme}:/path or {scheme}:path.",
            key=key,
        )
    path = path.removeprefix("//")
    if not path:
        raise ConfigError(f"{key} is {text!r}, which names no file.", hint=f"Write {scheme}:PATH.", key=key)
    return path


def split_url(text: str, *, key: str) -> SplitResult:
    """Return the parts of a URL. Raises `ConfigError` if it has none, such as one with a bracket in its host."""
    try:
        return urlsplit(text)
    except ValueError as error:
        raise ConfigError(f"{key} is {redact(text)!r}, which is not a valid URL: {error}.", key=key) from None


def parse_query(query: str, allowed: Sequence[str], *, key: str) -> dict[str, str]:
    """Return the options after the question mark of a URL.

    Raises:
        ConfigError: An option is not allowed.
    """
    # A plus sign stays a plus sign: it belongs to a time zone and never stands for a space.
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    for name, _ in pairs:
        if name not in allowed:
            raise ConfigError(
                f"{key} has the option {name!r}, which does not exist.",
                hint=f"Allowed: {', '.join(allowed)}. Client properties belong into the configuration file.",
                key=f"{key}?{name}",
            )
    return dict(pairs)


def parse_times(options: Mapping[str, str], *, key: str) -> dict[str, object]:
    """Return the settings `since` and `end` of a source that is read by time.

    Raises:
        ConfigError: One of them is not a valid time.
    """
    since = parse_since(options.get("since", ""), key=f"{key}?since")
    end = parse_until(options.get("end", ""), key=f"{key}?end")
    return {name: format_bound(bound) for name, bound in (("since", since), ("end", end)) if bound is not None}


def redact(text: str) -> str:
    """Return a URL without the part before an ``@``, which may hold a password."""
    scheme, separator, rest = text.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def require_http_url(url: str, *, key: str, example: str) -> None:
    """Raise `ConfigError` unless the URL in a setting has the scheme http or https."""
    parts = split_url(url, key=key)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{key} is {redact(url)!r}, which is not a valid http or https URL.",
            hint=f"For example: {example}",
            key=key,
        )
