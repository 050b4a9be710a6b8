"""Discovery of the Action API from the address of a wiki.

A page names the API, and a redirect names the page. Both are followed on the server of the address and on the servers that
`wikistate.adapters.http.origins` allows, so that a wiki cannot send the requests elsewhere.

Source: MediaWiki documentation (Manual:$wgScriptPath; Really Simple Discovery, which every page links as ``EditURI``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yarl import URL

from wikistate.adapters.http.client import OK, HttpResponse
from wikistate.adapters.http.origins import explain_refusal
from wikistate.adapters.mediawiki.action_api import parse_json
from wikistate.core.enrichment.failures import Failure
from wikistate.core.events.html_tags import find_links
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.adapters.http.client import HttpClient

_PATHS = ("/w/api.php", "/api.php")
_EDIT_URI = "edituri"
_USER = re.compile("//[^/?#]*@")
_QUERY = "action=query&meta=siteinfo&format=json&formatversion=2"
_LIMIT = 4 * 1024 * 1024  # bytes of a page
_HOPS = 5


async def find_api(http: HttpClient, address: str) -> str:
    """Return the URL of a wiki's Action API.

    Args:
        http: HTTP client; open.
        address: Address of the wiki, of one of its pages, or of the API itself.

    Raises:
        ConfigError: The address does not lead to a readable wiki.
    """
    url = URL(address)
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(
            f"{address!r} is not the address of a wiki.", hint="Set a URL such as https://my.wiki.", key="rdf.wikibase"
        )
    tried: list[str] = []
    async for candidate in _try_common_paths(http, url, tried):
        answer = await http.request(http.endpoint(candidate), _QUERY, headers={}, limit=_LIMIT)
        if not isinstance(answer, Failure) and _is_api(answer, candidate):
            return candidate
        tried.append(f"{candidate} ({_describe(answer, candidate)})")
    raise ConfigError(
        f"No Action API was found at {address}. Tried: {'; '.join(tried)}.",
        hint="Set the URL of the API itself, which ends in api.php. A wiki that requires a login needs that URL, and its "
        "credentials under wikis.DOMAIN.",
        key="rdf.wikibase",
    )


async def _try_common_paths(http: HttpClient, url: URL, tried: list[str]) -> AsyncIterator[str]:
    """Yield the URLs that may be those of the API, and add to `tried` why others are not requested."""
    if url.path.endswith("api.php"):
        yield str(url.with_query(None))
        return
    for path in _PATHS:
        yield str(url.with_path(path))
    linked = await _find_linked_api(http, url)
    if not linked:
        return
    if http.origins.may_follow(linked, asked=str(url)):
        yield linked
    else:
        shown = _USER.sub("//", linked)
        tried.append(f"{shown:.200} (not requested: {explain_refusal(linked, asked=str(url))})")


async def _find_linked_api(http: HttpClient, url: URL) -> str:
    """Return the URL to which a page of the wiki leads: of the API, or of a server that is not followed. Empty without one."""
    asked = str(url)
    for _ in range(_HOPS):
        endpoint = http.endpoint(str(url.with_query(None)))
        answer = await http.request(endpoint, url.raw_query_string, headers={}, limit=_LIMIT)
        if isinstance(answer, Failure):
            return ""
        if answer.status == OK:
            return _extract_edit_uri(answer.body, url)
        target = _join(url, answer.headers.get("Location", ""))
        if target is None or not http.origins.may_follow(str(target), asked=asked):
            return "" if target is None else str(target)
        url = target
    return ""


def _extract_edit_uri(page: bytes, url: URL) -> str:
    links = (link for link in find_links(page) if link.get("rel", "").lower() == _EDIT_URI)
    target = _join(url, next(links, {}).get("href", ""))
    return str(target.with_query(None)) if target is not None else ""


def _join(url: URL, target: str) -> URL | None:
    """Return the http or https URL to which a page or a redirect refers; None for another text."""
    try:
        joined = url.join(URL(target))
        is_http = bool(target) and joined.scheme in ("http", "https") and bool(joined.host) and joined.port is not None
    except ValueError:
        return None
    return joined if is_http else None


def _describe(answer: HttpResponse | Failure, place: str) -> str:
    """Return why a response is not from a readable Action API."""
    if not isinstance(answer, Failure):
        document = parse_json(answer, place=place, now=0.0)
        if not isinstance(document, Failure) or answer.status != OK:
            return str(answer.status)
        answer = document
    return answer.detail


def _is_api(answer: HttpResponse, place: str) -> bool:
    """Return whether a response is from an Action API. A private wiki answers with a document that requires a login."""
    document = parse_json(answer, place=place, now=0.0)
    return answer.status == OK and (not isinstance(document, Failure) or "readapidenied" in document.detail)
