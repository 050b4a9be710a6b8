"""Requests to ``Special:EntityData`` for the RDF of an entity, and the parsing of the responses. Pure.

Sources: Wikibase documentation (mediawiki.org, Wikibase/EntityData and Wikibase/Indexing/RDF Dump Format).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import quote

from yarl import URL

from wikistate.adapters.http.answers import clean_body, quote_answer
from wikistate.adapters.http.client import OK, HttpResponse, parse_retry_after
from wikistate.core.enrichment.failures import Failure, FailureKind, classify_status
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Format = Literal["ttl", "nt"]

MIME_TYPES: Mapping[Format, str] = {"ttl": "text/turtle", "nt": "application/n-triples"}

ENTITY_DATA_PATH = "/wiki/Special:EntityData/"

PAGE_NAME_CHARACTERS = ";@$!*(),/~:"
"""Characters of the name of a page that MediaWiki does not percent-encode in a URL, besides letters, digits, ``-_.``."""

_PARAMETERS = frozenset({"flavor", "revision", "nocache"})

TITLE = "title"
"""Parameter with the name of the page in the addresses of a wiki without short URLs."""
_SENTENCE = 4096
"""Bytes of an error that may hold its sentence."""

_GONE = frozenset({404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class EntityUrl(NamedTuple):
    """Address of one revision of one entity.

    Attributes:
        url: URL without the query.
        query: Percent-encoded query.
        entity: Entity id.
    """

    url: str
    query: str
    entity: str

    def __str__(self) -> str:
        return f"{self.url}?{self.query}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityDataSettings:
    """Address, format and largest size of the RDF of entities.

    Attributes:
        prefix: URL before the entity id, such as ``https://www.wikidata.org/wiki/Special:EntityData/``.
        format: Format of the RDF: ``ttl`` or ``nt``.
        max_bytes: Largest size of a decompressed response. The largest entities of Wikidata have some 15 MB as Turtle.

    Raises:
        ConfigError: The prefix is not an http or https URL.
    """

    prefix: str
    format: Format = "ttl"
    max_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        url = URL(self.prefix)
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError(
                f"{self.prefix!r} is not a valid address of entity data.",
                hint=f"Set an http or https URL, such as https://wiki.example{ENTITY_DATA_PATH}.",
                key="rdf.entity_data",
            )

    @property
    def mime_type(self) -> str:
        """Media type of the RDF."""
        return MIME_TYPES[self.format]

    def build_url(self, entity_id: str, revision: int, *, now_ms: int) -> EntityUrl:
        """Return the address of a revision of an entity.

        Args:
            entity_id: Valid entity id, as it becomes part of the path.
            revision: Revision id; 0 for the current revision, past all caches.
            now_ms: Current time, milliseconds since the epoch; unique, so that no cache holds the address.
        """
        version = f"revision={revision}" if revision > 0 else f"nocache={now_ms}"
        slash = "" if self.prefix.endswith("/") else "/"
        # Some wikis have titles in the query.
        url, _, given = f"{self.prefix}{slash}{entity_id}.{self.format}".partition("?")
        return EntityUrl(url, f"{given}&flavor=dump&{version}" if given else f"flavor=dump&{version}", entity_id)


def parse_response(answer: HttpResponse, address: EntityUrl, *, now: float) -> bytes | Failure:
    """Return the RDF of a response, or the failure. The RDF parser checks its syntax.

    Args:
        answer: HTTP response.
        address: Address of the request.
        now: Current time, seconds since the epoch, for a Retry-After that is a date.
    """
    if answer.status in _GONE:
        detail = f"{address} answers {answer.status}: the wiki does not know this revision, or no longer shows it"
        return Failure(FailureKind.BAD_REVISION, detail, names_subject=is_about_entity(answer, address))
    if answer.status != OK:
        detail = f"{address} answers with the HTTP status {answer.status} {quote_answer(answer)}{explain_redirect(answer, address)}"
        return Failure(classify_status(answer.status), detail, parse_retry_after(answer.headers, now))
    body = clean_body(answer.body, address.url)
    if not body.strip():
        return Failure(FailureKind.EMPTY, f"{address} answers 200 with an empty body")
    if is_web_page(answer):
        return Failure(
            FailureKind.UNPARSABLE,
            f"{address} answers with an HTML page {quote_answer(answer)}: a proxy may have answered instead of the wiki",
        )
    return body


def is_web_page(answer: HttpResponse) -> bool:
    """Return whether a response is a web page with the status 200. A private wiki asks for a login with such a page."""
    return answer.status == OK and answer.headers.get("Content-Type", "").startswith("text/html")


def is_redirect(answer: HttpResponse) -> bool:
    """Return whether a response redirects to another address."""
    return answer.status in _REDIRECTS and "Location" in answer.headers


def is_about_entity(answer: HttpResponse, address: EntityUrl) -> bool:
    """Return whether the text of an error names the requested entity or revision, as Wikibase does in a sentence.

    A server without such pages answers with a page of its own, which names at most the path.
    """
    revision = dict(URL(f"?{address.query}", encoded=True).query).get("revision", address.entity)
    names = f"{re.escape(address.entity)}|{re.escape(revision)}"
    return re.search(rf"(?<![\w/=])(?:{names})(?![\w.])", answer.body[:_SENTENCE].decode(errors="replace")) is not None


def resolve_redirect(answer: HttpResponse, address: EntityUrl) -> EntityUrl | None:
    """Return the target of an HTTP redirect to another address of the same document on the same server; else None.

    A wiki redirects from the English name of the special page to the name in its content language: from
    ``/wiki/Special:EntityData/Q1.ttl`` to ``/index.php?title=Spezial:Objektdaten/Q1.ttl``. A redirect to another entity or
    another revision would return other content than the request names. A redirect between entities does not lead to an HTTP
    redirect: with ``revision`` the wiki serves that revision, which has ``owl:sameAs``.
    """
    if not is_redirect(answer):
        return None
    target = _resolve_location(answer, address)
    return (
        None
        if target is None or _find_difference(target, URL(str(address), encoded=True))
        else _to_url(target, address)
    )


def find_prefix(target: EntityUrl, settings: EntityDataSettings) -> str:
    """Return the prefix of the addresses to which a target of `resolve_redirect` belongs.

    The result is empty if the target has a form that `EntityDataSettings.build_url` cannot build.
    """
    document, url = f"{target.entity}.{settings.format}", URL(str(target), encoded=True)
    title = url.query.get(TITLE)
    if title is None:
        return target.url.removesuffix(document) if target.url.endswith(f"/{document}") else ""
    if not title.endswith(f"/{document}") or url.query.keys() - {TITLE, *_PARAMETERS}:
        return ""
    return f"{target.url}?{TITLE}={quote(title.removesuffix(document), safe=PAGE_NAME_CHARACTERS)}"


def explain_redirect(answer: HttpResponse, address: EntityUrl) -> str:
    """Return why a redirect is not followed, as a clause that begins with a comma; empty for other responses."""
    if not is_redirect(answer):
        return ""
    text = f", redirecting to {answer.headers['Location']:.200}"
    target, requested = _resolve_location(answer, address), URL(str(address), encoded=True)
    if target is None:
        return f"{text}: an invalid address"
    difference = _find_difference(target, requested)
    if difference and _PageRequest.of(target).document == _PageRequest.of(requested).document != "":
        prefix, _, _ = str(target).partition(_PageRequest.of(requested).document)
        return f"{text}: {difference}; to send requests there, set rdf.entity_data to {prefix}"
    return f"{text}: {difference}" if difference else text


def _resolve_location(answer: HttpResponse, address: EntityUrl) -> URL | None:
    try:
        target = URL(str(address), encoded=True).join(URL(answer.headers["Location"], encoded=True))
        target.origin()  # raises for an address without a host, such as mailto:
        str(target)  # raises for a port that is not a number, which is read late
    except ValueError:
        return None
    return target


def _find_difference(target: URL, requested: URL) -> str:
    """Return what of a redirect forbids to follow it; empty if it leads to the same document."""
    found, wanted = _PageRequest.of(target), _PageRequest.of(requested)
    if target.origin() != requested.origin():
        return "another server"
    if target.user is not None or target.password is not None:
        return "a user in the address"
    if found.document != wanted.document:
        return "another entity or another format"
    if found.parameters != wanted.parameters:
        return "another revision or other parameters"
    return "the same address" if found == wanted else ""


class _PageRequest(NamedTuple):
    """Page in a URL, by its title or by the path, and the other parameters."""

    page: str
    parameters: list[tuple[str, str]]

    @property
    def document(self) -> str:
        return self.page.rpartition("/")[2]

    @classmethod
    def of(cls, url: URL) -> _PageRequest:
        title = url.query.get(TITLE)
        parameters = sorted(pair for pair in url.query.items() if pair[0] != TITLE)
        return cls(url.path if title is None else f"{url.path}?{title}", parameters)


def _to_url(target: URL, address: EntityUrl) -> EntityUrl:
    return EntityUrl(str(target.with_query(None)), target.raw_query_string, address.entity)
