"""Which wikis may be asked, and where. An event names a wiki; it never says what URL is fetched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yarl import URL

from wikistate.core.enrichment.retry import Fail
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIKIMEDIA_DOMAINS = (
    "wikipedia.org",
    "wiktionary.org",
    "wikibooks.org",
    "wikinews.org",
    "wikiquote.org",
    "wikisource.org",
    "wikiversity.org",
    "wikivoyage.org",
    "wikidata.org",
    "wikimedia.org",
    "wikifunctions.org",
    "mediawiki.org",
    "wikimediafoundation.org",
)
"""The domains under which Wikimedia's wikis live. Each stands for itself and all that is below it."""

WIKIMEDIA_TEMPLATE = "https://{domain}/w/api.php"
"""Where Wikimedia's wikis have their Action API."""

WIKIMEDIA_FARM = "wikimedia"
"""All of Wikimedia's public wikis: a client's limits hold for all of them together."""

OWN_FARM = "own"
"""What a custom endpoint template leads to: a service mesh, a farm that one runs oneself."""

_NOT_ALLOWED = "WikiNotAllowed"
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+{_LABEL}")
_NUMERIC_END = re.compile(r"\.[0-9]+\Z")
_MAX_CACHED_WIKIS = 4096


@dataclass(frozen=True, slots=True)
class Wiki:
    """A wiki that may be asked.

    Attributes:
        domain: Its canonical domain, as in ``meta.domain``.
        url: Its Action API, without a query.
        host_header: What to send as ``Host`` where the URL alone does not tell which wiki is meant, else None.
        farm: The group of wikis that it shares limits with.
    """

    domain: str
    url: str
    host_header: str | None
    farm: str


class Wikis:
    """The list of allowed wikis.

    Args:
        domains: A domain below one of these (or one of them itself) is a wiki of `template`.
        template: The URL of their Action API. ``{domain}`` in it stands for the wiki's domain; without it, all are
            asked at this one URL and told apart by the ``Host`` header.
        explicit: Further wikis, domain to URL of the Action API. These may have any name, also an IP address.
        farms: Domain of an explicit wiki to the name of its farm. By default wikis of the same origin are a farm.

    Raises:
        ConfigError: A domain is no host name, or a URL cannot be asked.
    """

    def __init__(
        self,
        *,
        domains: Sequence[str] = WIKIMEDIA_DOMAINS,
        template: str = WIKIMEDIA_TEMPLATE,
        explicit: Mapping[str, str] | None = None,
        farms: Mapping[str, str] | None = None,
    ) -> None:
        self._suffixes = tuple(_require_domain(domain) for domain in domains)
        self._template = template
        _require_url(template.replace("{domain}", "wiki.example"), "mediawiki_api_endpoint_template")
        self._explicit = {
            domain.lower(): _parse_explicit(domain, url, (farms or {}).get(domain))
            for domain, url in (explicit or {}).items()
        }
        self._known: dict[str, Wiki] = {}

    @property
    def farms(self) -> frozenset[str]:
        """The farms that a wiki of this list may belong to."""
        return frozenset({WIKIMEDIA_FARM, OWN_FARM, *(wiki.farm for wiki in self._explicit.values())})

    def lookup(self, domain: str) -> Wiki | Fail:
        """The wiki of a domain, or why there is none. Upper and lower case are the same (RFC 4343)."""
        known = self._known.get(domain)
        if known is not None:
            return known
        found = self._explicit.get(domain.lower()) or self._by_suffix(domain)
        if found is None:
            return _build_not_allowed_failure(domain)
        if len(self._known) >= _MAX_CACHED_WIKIS:  # a stream of invented subdomains must not fill the memory
            self._known.clear()
        self._known[domain] = found
        return found

    def _by_suffix(self, domain: str) -> Wiki | None:
        # Checked before it is lower-cased: some letters outside ASCII have a lower case within it.
        if not domain.isascii() or not _is_host_name(name := domain.lower()):
            return None
        if not any(name == suffix or name.endswith("." + suffix) for suffix in self._suffixes):
            return None
        if "{domain}" not in self._template:
            return Wiki(name, self._template, name, OWN_FARM)
        url = self._template.replace("{domain}", name)
        return Wiki(name, url, None, WIKIMEDIA_FARM if is_wikimedia(URL(url).host or "") else OWN_FARM)


def _build_not_allowed_failure(domain: str) -> Fail:
    return Fail(
        _NOT_ALLOWED,
        f"The wiki {domain!r:.200} is not in the list of allowed wikis. If it is meant to be asked, "
        "allow it with the URL of its Action API, as in DOMAIN=https://DOMAIN/w/api.php.",
    )


def _is_host_name(domain: str) -> bool:
    """Whether it is a lower-case host name of two labels or more, and not an IPv4 address."""
    return _HOST_NAME.fullmatch(domain) is not None and _NUMERIC_END.search(domain) is None


def is_wikimedia(host: str) -> bool:
    """Whether a host is one of Wikimedia's, whose limits are for everybody."""
    return any(host == domain or host.endswith("." + domain) for domain in WIKIMEDIA_DOMAINS)


def _parse_explicit(domain: str, text: str, farm: str | None) -> Wiki:
    url = _require_url(text, f"wikis.{domain}")
    shared = WIKIMEDIA_FARM if is_wikimedia(url.host or "") else url.host_port_subcomponent or ""
    return Wiki(domain.lower(), text, None, farm or shared)


def _require_domain(domain: str) -> str:
    if not _is_host_name(domain):
        raise ConfigError(
            f"{domain!r} is not a lower-case host name.", hint="For example: wikipedia.org.", key="domains"
        )
    return domain


def _require_url(text: str, key: str) -> URL:
    try:
        url = URL(text)
        if url.scheme in ("http", "https") and url.host and not (url.user or url.password or url.query_string):
            return url
    except ValueError:
        pass  # said better below
    raise ConfigError(
        f"{text!r} cannot be the URL of an Action API.",
        hint="It is an http or https URL without user, password and query, such as https://wiki.example/w/api.php.",
        key=key,
    )
