"""List of allowed wikis with the addresses of their Action APIs. An event names a wiki and never a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
"""Domains of Wikimedia's wikis. Each stands for itself and all its subdomains."""

WIKIMEDIA_TEMPLATE = "https://{domain}/w/api.php"
"""Template of the URL of the Action API of Wikimedia's wikis."""

WIKIMEDIA_FARM = "wikimedia"
"""Farm of Wikimedia's public wikis: limits apply to all of them together."""

OWN_FARM = "own"
"""Farm of a custom endpoint template: a service mesh, or a private farm."""

_NOT_ALLOWED = "WikiNotAllowed"
_CONTRADICTION = "ContradictoryWiki"
_DATABASE_FIELDS = ("wiki_id", "database", "wiki")
"""Fields with the name of the database: of page_change, of older events, and of recentchange."""

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+{_LABEL}")
_NUMERIC_END = re.compile(r"\.[0-9]+\Z")
_MAX_CACHED_WIKIS = 4096


@dataclass(frozen=True, slots=True)
class Wiki:
    """Allowed wiki.

    Attributes:
        domain: Canonical domain, as in ``meta.domain``.
        url: URL of the Action API, without a query.
        host_header: Value of the header ``Host`` if the URL does not identify the wiki, else None.
        farm: Name of the farm, whose wikis share limits.
    """

    domain: str
    url: str
    host_header: str | None
    farm: str


class Wikis:
    """List of allowed wikis.

    Args:
        domains: Domains whose wikis, including subdomains, use `template`.
        template: URL of their Action API. ``{domain}`` stands for the domain of the wiki; without it, the wikis share the
            URL and differ in the header ``Host``.
        explicit: URLs of the Action APIs of further wikis, by domain. A domain may have any name, also an IP address.
        farms: Names of farms by domain of an explicit wiki. By default the wikis of one origin are a farm.
        wiki_ids: Names of the databases of explicit wikis, by domain, as far as they are known.

    Raises:
        ConfigError: A domain is not a host name, or a URL is not valid for an Action API.
    """

    def __init__(
        self,
        *,
        domains: Sequence[str] = WIKIMEDIA_DOMAINS,
        template: str = WIKIMEDIA_TEMPLATE,
        explicit: Mapping[str, str] | None = None,
        farms: Mapping[str, str] | None = None,
        wiki_ids: Mapping[str, str] | None = None,
    ) -> None:
        self._suffixes = tuple(_require_domain(domain) for domain in domains)
        self._template = template
        _require_url(template.replace("{domain}", "wiki.example"), "mediawiki_api_endpoint_template")
        self._explicit = {
            domain.lower(): _parse_explicit(domain, url, (farms or {}).get(domain))
            for domain, url in (explicit or {}).items()
        }
        self._known: dict[str, Wiki] = {}
        self._ids = {domain.lower(): wiki_id for domain, wiki_id in (wiki_ids or {}).items()}
        self._domains = {wiki_id: domain for domain, wiki_id in self._ids.items()}

    @property
    def farms(self) -> frozenset[str]:
        """Names of the farms of the wikis in this list."""
        return frozenset({WIKIMEDIA_FARM, OWN_FARM, *(wiki.farm for wiki in self._explicit.values())})

    def lookup(self, domain: str) -> Wiki | Fail:
        """Return the wiki of a domain, or the failure if it is not allowed. Case is ignored (RFC 4343)."""
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

    def check_event(self, event: Mapping[str, Any], wiki: Wiki) -> Fail | None:
        """Return the failure of an event whose domain is that of one wiki, and whose other fields name another one.

        On a stream that several wikis write to, such an event would have the content of one and the names of the other. Fields
        that no setting explains pass: the database of a wiki without `wiki_id`, a name that is not in the list.

        Args:
            event: An event of any schema.
            wiki: Wiki of its `meta.domain`.
        """
        if self._ids:
            own = self._ids.get(wiki.domain)
            for field in _DATABASE_FIELDS:
                stated = event.get(field)
                if isinstance(stated, str) and (stated != own if own else stated in self._domains):
                    return _build_contradiction(wiki, field, stated)
        stated = event.get("server_name")
        if isinstance(stated, str) and self._is_other(stated, wiki):
            return _build_contradiction(wiki, "server_name", stated)
        uri = event["meta"].get("uri") if self._explicit else None
        if isinstance(uri, str) and f"//{wiki.domain}/" not in uri and self._is_other_explicit(uri, wiki):
            return _build_contradiction(wiki, "meta.uri", uri)
        return None

    def _is_other(self, domain: str, wiki: Wiki) -> bool:
        found = self.lookup(domain)
        return isinstance(found, Wiki) and found.domain != wiki.domain

    def _is_other_explicit(self, uri: str, wiki: Wiki) -> bool:
        try:
            host = URL(uri).host or ""
        except ValueError:
            return False
        return host != wiki.domain and host in self._explicit

    def _by_suffix(self, domain: str) -> Wiki | None:
        # Checked before lower-casing: the lower case of some letters outside ASCII is in ASCII.
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
        f"The wiki {domain!r:.200} is not in the list of allowed wikis. To allow it, add it with the URL of its "
        "Action API, as in DOMAIN=https://DOMAIN/w/api.php.",
    )


def _build_contradiction(wiki: Wiki, field: str, stated: str) -> Fail:
    return Fail(
        _CONTRADICTION,
        f"meta.domain is {wiki.domain}, but {field} is {stated!r:.200}, which is not of that wiki: another wiki may write to the "
        "stream. If the name is right, set wiki_id of the wiki under wikis.",
    )


def _is_host_name(domain: str) -> bool:
    """Return whether a text is a lower-case host name of at least two labels, and not an IPv4 address."""
    return _HOST_NAME.fullmatch(domain) is not None and _NUMERIC_END.search(domain) is None


def is_wikimedia(host: str) -> bool:
    """Return whether a host belongs to Wikimedia, whose limits apply to all clients."""
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
        pass  # the error below explains it
    raise ConfigError(
        f"{text!r} cannot be the URL of an Action API.",
        hint="Set an http or https URL without user, password and query, such as https://wiki.example/w/api.php.",
        key=key,
    )
