"""``Special:EntityData``: the address of an entity's RDF, and what an answer says. Pure.

Sources: Wikibase documentation (mediawiki.org, Wikibase/EntityData and Wikibase/Indexing/RDF Dump Format).
"""

from __future__ import annotations

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

_GONE = frozenset({404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class EntityUrl(NamedTuple):
    """Where one revision of one entity lies.

    Attributes:
        url: Without a query.
        query: Percent-encoded.
        entity: Entity id.
    """

    url: str
    query: str
    entity: str

    def __str__(self) -> str:
        return f"{self.url}?{self.query}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityDataSettings:
    """Where entities are fetched, and how large they may be.

    Attributes:
        prefix: What comes before an entity's id, such as ``https://www.wikidata.org/wiki/Special:EntityData/``.
        format: ``ttl`` or ``nt``.
        max_bytes: What an answer may have, decompressed. The largest entities of Wikidata have some 15 MB as Turtle.

    Raises:
        ConfigError: The prefix is no http(s) URL.
    """

    prefix: str
    format: Format = "ttl"
    max_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        url = URL(self.prefix)
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError(
                f"{self.prefix!r} cannot be where the wiki's entities are.",
                hint=f"It is an http or https URL, such as https://wiki.example{ENTITY_DATA_PATH}.",
                key="rdf.entity_data",
            )

    @property
    def mime_type(self) -> str:
        """Of what the wiki answers."""
        return MIME_TYPES[self.format]

    def build_url(self, entity_id: str, revision: int, *, now_ms: int) -> EntityUrl:
        """Where a revision of an entity lies.

        Args:
            entity_id: Checked: it becomes part of the path.
            revision: 0 for the current one, past all caches.
            now_ms: Milliseconds since the epoch: never the same twice, so that no cache knows it.
        """
        which = f"revision={revision}" if revision > 0 else f"nocache={now_ms}"
        slash = "" if self.prefix.endswith("/") else "/"
        url, _, given = f"{self.prefix}{slash}{entity_id}.{self.format}".partition(
            "?"
        )  # wikis whose titles are in the query
        return EntityUrl(url, f"{given}&flavor=dump&{which}" if given else f"flavor=dump&{which}", entity_id)


def parse_response(answer: HttpResponse, address: EntityUrl, *, now: float) -> bytes | Failure:
    """The RDF of an answer, or why there is none. Whether it is RDF, the parser tells.

    Args:
        answer: As it came.
        address: What was asked for.
        now: Seconds since the epoch, for a Retry-After that is a date.
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
        return Failure(FailureKind.UNPARSABLE, f"{address} answers with a web page: a proxy may stand before the wiki")
    return answer.body


def resolve_redirect(answer: HttpResponse, address: EntityUrl) -> EntityUrl | None:
    """Where a redirect leads that may be followed: another spelling of the same address on the same server.

    One that leads to another entity or another revision would bring something that was not asked for. That an entity is
    a redirect is no matter of HTTP: with ``revision`` the wiki serves what that revision says, ``owl:sameAs``.
    """
    if answer.status not in _REDIRECTS or not (location := answer.headers.get("Location", "")):
        return None
    try:
        asked = URL(str(address), encoded=True)
        target = asked.join(URL(location, encoded=True))
    except ValueError:
        return None
    is_same = target.origin() == asked.origin() and target.name == asked.name
    if not is_same or dict(target.query) != dict(asked.query) or target.path == asked.path:
        return None
    return EntityUrl(str(target.with_query(None)), target.raw_query_string, address.entity)


def _redirect_detail(answer: HttpResponse) -> str:
    return f", leading to {answer.headers['Location']:.200}" if "Location" in answer.headers else ""
