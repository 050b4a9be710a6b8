"""Requests to ``Special:EntityData`` for the RDF of an entity, and the parsing of the responses. Pure.

Sources: Wikibase documentation (mediawiki.org, Wikibase/EntityData and Wikibase/Indexing/RDF Dump Format).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from yarl import URL

from wikistate.adapters.http.client import OK, HttpResponse, parse_retry_after
from wikistate.core.enrichment.failures import Failure, FailureKind, classify_status
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Format = Literal["ttl", "nt"]

MIME_TYPES: Mapping[Format, str] = {"ttl": "text/turtle", "nt": "application/n-triples"}

ENTITY_DATA_PATH = "/wiki/Special:EntityData/"

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
        return Failure(FailureKind.BAD_REVISION, detail)
    if answer.status != OK:
        detail = f"{address} answers with the HTTP status {answer.status}{_redirect_detail(answer)}"
        return Failure(classify_status(answer.status), detail, parse_retry_after(answer.headers, now))
    if not answer.body.strip():
        return Failure(FailureKind.EMPTY, f"{address} answers 200 with an empty body")
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        return Failure(
            FailureKind.UNPARSABLE,
            f"{address} answers with an HTML page: a proxy may have answered instead of the wiki",
        )
    return answer.body


def is_about_entity(answer: HttpResponse, address: EntityUrl) -> bool:
    """Return whether the text of an error names the requested entity or revision, as Wikibase does in a sentence.

    A server without such pages answers with a page of its own, which names at most the path.
    """
    revision = dict(URL(f"?{address.query}", encoded=True).query).get("revision", address.entity)
    names = f"{re.escape(address.entity)}|{re.escape(revision)}"
    return re.search(rf"(?<![\w/=])(?:{names})(?![\w.])", answer.body[:_SENTENCE].decode(errors="replace")) is not None


def resolve_redirect(answer: HttpResponse, address: EntityUrl) -> EntityUrl | None:
    """Return the target of an HTTP redirect to another spelling of the same address on the same server; else None.

    A redirect to another entity or another revision would return other content than the request names. A redirect between
    entities does not lead to an HTTP redirect: with ``revision`` the wiki serves that revision, which has ``owl:sameAs``.
    """
    if answer.status not in _REDIRECTS or not (location := answer.headers.get("Location", "")):
        return None
    try:
        requested = URL(str(address), encoded=True)
        target = requested.join(URL(location, encoded=True))
    except ValueError:
        return None
    is_same = target.origin() == requested.origin() and target.name == requested.name
    if not is_same or dict(target.query) != dict(requested.query) or target.path == requested.path:
        return None
    return EntityUrl(str(target.with_query(None)), target.raw_query_string, address.entity)


def _redirect_detail(answer: HttpResponse) -> str:
    return f", redirecting to {answer.headers['Location']:.200}" if "Location" in answer.headers else ""
