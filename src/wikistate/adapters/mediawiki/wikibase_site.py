"""What a Wikibase says of itself: its concept base, where its entities lie, the namespaces that hold them.

Sources: MediaWiki documentation (API:Siteinfo) and that of Wikibase, which adds ``wikibase-conceptbaseuri`` to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyoxigraph
from yarl import URL

from wikistate.core.updater.entity_pages import EntityPages
from wikistate.errors import ConfigError, InputError, WikiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]

ENTITY_MODELS = frozenset({"wikibase-item", "wikibase-property", "wikibase-lexeme"})
"""Content models of pages that are an entity. What other extensions add (EntitySchema) has no RDF."""

FILE_NAMESPACE = 6

_ENTITY = "/entity/"
_SCHEMA_ABOUT = pyoxigraph.NamedNode("http://schema.org/about")
_SITE_QUERY = {"meta": "siteinfo", "siprop": "general|namespaces|extensions"}


class Queries(Protocol):
    """Asks a wiki's Action API, as `QueryClient` does."""

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> Json:
        """See `QueryClient.query`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WikibaseSite:
    """A Wikibase.

    Attributes:
        domain: Its canonical host name, as in ``meta.domain``.
        wiki_id: Its database name.
        concept_uri: What its IRIs begin with, such as ``http://www.wikidata.org``; without a slash at the end.
        entity_data: What comes before an entity's id in the URL of its RDF.
        models: The namespaces whose pages are entities, each with its content model.
        pages: Which of its pages hold entities.
        names: The names of those namespaces, empty for the main one.
    """

    domain: str
    wiki_id: str
    concept_uri: str
    entity_data: str
    models: Mapping[int, str]
    pages: EntityPages
    names: Mapping[int, str]

    def prefix_of(self, namespace: int) -> str:
        """What stands before an entity's id in the titles of a namespace."""
        name = self.names[namespace]
        return f"{name}:" if name else ""


async def fetch_site(queries: Queries, *, tries: int | None = 1) -> WikibaseSite:
    """Ask a wiki what it is.

    Args:
        queries: Of that wiki; open.
        tries: How often it is asked while it fails; None for as often as it takes.

    Raises:
        WikiError: It does not answer, or is no Wikibase.
    """
    document = await queries.query(_SITE_QUERY, tries=tries)
    try:
        return parse_site(document["query"])
    except (KeyError, TypeError, AttributeError) as error:
        raise WikiError(f"The wiki says of itself nothing that can be read: {error!r:.100}.") from error


def parse_site(query: Json) -> WikibaseSite:
    """What the answer says.

    Raises:
        WikiError: The wiki is no Wikibase repository.
        KeyError: It lacks what every wiki says.
    """
    general = query["general"]
    if "wikibase-conceptbaseuri" not in general:
        raise WikiError(
            f"The wiki {general['servername']} is no Wikibase: it states no concept base.",
            hint="Give the address of the wiki that has the entities, not of one that only uses them.",
            wiki=general["servername"],
        )
    entities = {int(each["id"]): each for each in query["namespaces"].values() if _is_entity_namespace(each)}
    models = {number: each["defaultcontentmodel"] for number, each in entities.items()}
    return WikibaseSite(
        domain=general["servername"],
        wiki_id=general["wikiid"],
        concept_uri=wikibase_root(general["wikibase-conceptbaseuri"]),
        entity_data=_absolute_url(general["server"]) + general["articlepath"].replace("$1", "Special:EntityData/"),
        models=models,
        pages=EntityPages(
            domain=general["servername"],
            namespaces=frozenset(models),
            mediainfo_namespaces=frozenset({FILE_NAMESPACE}) if _has_mediainfo(query) else frozenset(),
            content_models=frozenset(models.values()),
            prefixes=_prefixes(entities.values()),
        ),
        names={number: each["name"] for number, each in entities.items()},
    )


def wikibase_root(concept_base: str) -> str:
    """What all IRIs of a Wikibase begin with, of the concept base as it states it, which ends in ``/entity/``."""
    return concept_base.rstrip("/").removesuffix(_ENTITY.rstrip("/")).rstrip("/")


def find_concept_uri(rdf: bytes, *, entity_id: str, base: str, mime_type: str = "text/turtle") -> str:
    """The concept URI that an entity's own RDF uses, from the triple that says what the document is about.

    Args:
        rdf: From ``Special:EntityData``.
        entity_id: Whose it is.
        base: Its address.
        mime_type: Of the RDF.

    Raises:
        InputError: It is not RDF, or not of this entity.
    """
    ending = f"{_ENTITY}{entity_id}"
    try:
        for quad in pyoxigraph.parse(rdf, format=pyoxigraph.RdfFormat.from_media_type(mime_type), base_iri=base):
            if quad.predicate == _SCHEMA_ABOUT and str(quad.object).endswith(f"{ending}>"):
                return str(quad.object)[1:-1].removesuffix(ending)
    except SyntaxError as error:
        raise InputError(f"What {base} answers is not {mime_type}: {error!s:.200}.", url=base) from error
    raise InputError(
        f"What {base} answers is not about {entity_id}.",
        hint="Is it the address of Special:EntityData of a Wikibase?",
        url=base,
    )


def check_concept_uri(configured: str, *, actual: str, key: str = "rdf.concept_base") -> None:
    """Compare a setting with what the wiki uses.

    Args:
        configured: The setting; empty for "as the wiki says".
        actual: From `find_concept_uri`, or `WikibaseSite.concept_uri`.
        key: The dotted path of the setting.

    Raises:
        ConfigError: They differ: not a single triple would be taken for one of an entity.
    """
    if configured and wikibase_root(configured) != actual:
        raise ConfigError(
            f"{key} is {configured}, but the wiki's own IRIs begin with {actual}.",
            hint=f"Set {key} to {actual}, or leave it out: the wiki is asked.",
            key=key,
        )


def check_namespaces(configured: Iterable[int], site: WikibaseSite, *, key: str = "rdf.entity_namespaces") -> None:
    """Compare the namespaces that a setting names with those that hold entities.

    Args:
        configured: Numbers of namespaces; none for "as the wiki says".
        site: The wiki.
        key: The dotted path of the setting.

    Raises:
        ConfigError: One of them holds no entities.
    """
    known = site.pages.namespaces | site.pages.mediainfo_namespaces
    if wrong := sorted(set(configured) - known):
        raise ConfigError(
            f"{key} names {', '.join(map(str, wrong))}, where {site.domain} has no entities.",
            hint=f"Its entities are in {', '.join(map(str, sorted(known)))}; leave {key} out and the wiki is asked.",
            key=key,
        )


def _prefixes(namespaces: Iterable[Json]) -> tuple[str, ...]:
    """What titles begin with: the Action API writes spaces where events write underscores."""
    names = [each["name"] for each in namespaces if each["name"]]
    return tuple(dict.fromkeys(f"{form}:" for name in names for form in (name, name.replace(" ", "_"))))


def _is_entity_namespace(namespace: Json) -> bool:
    return namespace.get("defaultcontentmodel") in ENTITY_MODELS


def _has_mediainfo(query: Json) -> bool:
    return any(each.get("name") == "WikibaseMediaInfo" for each in query.get("extensions", ()))


def _absolute_url(server: str) -> str:
    # A wiki that is served over http and https alike states its server without a scheme.
    return str(URL(f"https:{server}" if server.startswith("//") else server)).rstrip("/")
