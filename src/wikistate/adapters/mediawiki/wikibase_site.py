"""Description of a Wikibase: its concept base, the address of its entity data, and the namespaces of entities.

Sources: documentation of MediaWiki (API:Siteinfo) and of Wikibase, which adds ``wikibase-conceptbaseuri`` to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import pyoxigraph
from yarl import URL

from wikistate.adapters.http.origins import Origins, parse_origin
from wikistate.adapters.mediawiki.entity_responses import PAGE_NAME_CHARACTERS
from wikistate.core.events.first_line import quote_first_line
from wikistate.core.events.integers import MAX_INTEGER, read_integer
from wikistate.core.rdf.uris import is_concept_base
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.errors import ConfigError, InputError, WikiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]

ENTITY_MODELS = frozenset({"wikibase-item", "wikibase-property", "wikibase-lexeme"})
"""Content models of entity pages. Those of other extensions, such as EntitySchema, have no RDF."""

FILE_NAMESPACE = 6

_ENTITY = "/entity/"
_ENTITY_DATA = "EntityData"
_SCHEMA_ABOUT = pyoxigraph.NamedNode("http://schema.org/about")
_SITE_QUERY = {"meta": "siteinfo", "siprop": "general|namespaces|specialpagealiases|extensions"}
_SPECIAL_NAMESPACE = "-1"


class Queries(Protocol):
    """Client of a wiki's Action API; see `QueryClient`."""

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> Json:
        """See `QueryClient.query`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WikibaseSite:
    """Description of a Wikibase.

    Attributes:
        domain: Canonical host name, as in ``meta.domain``.
        wiki_id: Name of the database.
        concept_uri: Prefix of its IRIs, such as ``http://www.wikidata.org``, without a slash at the end.
        entity_data: URL of the RDF of an entity, without its id.
        models: Content models by namespace, for the namespaces of entities.
        pages: Mapping of pages to entities.
        names: Names of those namespaces by number; empty for the main namespace.
        stated_server: The server that the wiki states as its own.
    """

    domain: str
    wiki_id: str
    concept_uri: str
    entity_data: str
    models: Mapping[int, str]
    pages: EntityPages
    names: Mapping[int, str]
    stated_server: str = ""

    def prefix_of(self, namespace: int) -> str:
        """Return the prefix of an entity id in the titles of a namespace."""
        name = self.names[namespace]
        return f"{name}:" if name else ""


async def fetch_site(
    queries: Queries, *, tries: int | None = 1, api: str = "", origins: Origins | None = None
) -> WikibaseSite:
    """Fetch the description of a wiki.

    Args:
        queries: Client of the wiki; open.
        tries: Largest number of attempts; None for no limit.
        api: URL of the Action API; see `parse_site`.
        origins: See `parse_site`.

    Raises:
        WikiError: The wiki does not answer, or is not a Wikibase.
    """
    document = await queries.query(_SITE_QUERY, tries=tries)
    try:
        return parse_site(document["query"], api=api, origins=origins)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WikiError(f"The siteinfo of the wiki cannot be read: {error!r:.100}.") from error


def parse_site(query: Json, *, api: str = "", origins: Origins | None = None) -> WikibaseSite:
    """Parse the siteinfo of a wiki.

    Args:
        query: Response with the parts ``general``, ``namespaces``, ``specialpagealiases`` and ``extensions``.
        api: URL of the Action API. Entity data are requested from the same server, whatever server the wiki states: many wikis
            are asked at an internal address and state a public one. Empty to use the stated server.
        origins: Servers that the wiki may state instead.

    Raises:
        WikiError: The wiki is not a Wikibase repository, or the number of a namespace is out of bounds.
        KeyError: The siteinfo lacks a field that every wiki has.
    """
    general = query["general"]
    if "wikibase-conceptbaseuri" not in general:
        raise WikiError(
            f"The wiki {general['servername']} is not a Wikibase: its siteinfo has no concept base.",
            hint="Set the address of the wiki that has the entities, not of a wiki that only uses them.",
            wiki=general["servername"],
        )
    entities = {_read_number(each): each for each in query["namespaces"].values() if _is_entity_namespace(each)}
    models = {number: each["defaultcontentmodel"] for number, each in entities.items()}
    return WikibaseSite(
        domain=general["servername"],
        wiki_id=general["wikiid"],
        concept_uri=_read_concept_uri(general),
        entity_data=_entity_data_url(query, api, origins or Origins()),
        stated_server=_absolute_url(general["server"], api),
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
    """Return the prefix of all IRIs of a Wikibase, from the concept base that it states, which ends in ``/entity/``."""
    return concept_base.rstrip("/").removesuffix(_ENTITY.rstrip("/")).rstrip("/")


def find_concept_uri(rdf: bytes, *, entity_id: str, base: str, mime_type: str = "text/turtle") -> str:
    """Return the concept URI in the RDF of an entity, from the triple with ``schema:about``.

    Args:
        rdf: RDF from ``Special:EntityData``.
        entity_id: Id of the entity.
        base: Address of the RDF.
        mime_type: Media type of the RDF.

    Raises:
        InputError: The document is not RDF, or describes another entity.
    """
    ending, about = f"{_ENTITY}{entity_id}", ""
    try:
        for quad in pyoxigraph.parse(rdf, format=pyoxigraph.RdfFormat.from_media_type(mime_type), base_iri=base):
            if quad.predicate == _SCHEMA_ABOUT and str(quad.object).endswith(f"{ending}>"):
                return str(quad.object)[1:-1].removesuffix(ending)
            if quad.predicate == _SCHEMA_ABOUT and str(quad.object).endswith(f"/{entity_id}>"):
                about = str(quad.object)[1:-1]
    except SyntaxError as error:
        raise InputError(
            f"The answer of {base} is not {mime_type}: {error!s:.200}. It begins with {quote_first_line(rdf)}.",
            url=base,
        ) from error
    if about:
        raise InputError(
            f"The answer of {base} is about {about}, but IRIs of entities must end in {ending}.",
            hint="Wikibases whose concept base does not end in /entity/ are not supported.",
            url=base,
        )
    raise InputError(
        f"The answer of {base} is not about {entity_id}.",
        hint="Check that it is the address of Special:EntityData of a Wikibase.",
        url=base,
    )


def check_concept_uri(configured: str, *, actual: str, key: str = "rdf.concept_base") -> None:
    """Compare a setting with the concept base of the wiki.

    Args:
        configured: Value of the setting; empty to use the concept base of the wiki.
        actual: Result of `find_concept_uri`, or `WikibaseSite.concept_uri`.
        key: Dotted path of the setting.

    Raises:
        ConfigError: They differ, so that no triple would belong to an entity.
    """
    if configured and wikibase_root(configured) != actual:
        raise ConfigError(
            f"{key} is {configured}, but the wiki's own IRIs begin with {actual}.",
            hint=f"Set {key} to {actual}, or remove it: the default is the concept base of the wiki.",
            key=key,
        )


def check_namespaces(configured: Iterable[int], site: WikibaseSite, *, key: str = "rdf.entity_namespaces") -> None:
    """Compare the namespaces of a setting with those that hold entities.

    Args:
        configured: Numbers of namespaces; empty to use those of the wiki.
        site: Description of the wiki.
        key: Dotted path of the setting.

    Raises:
        ConfigError: One of them does not hold entities.
    """
    known = site.pages.namespaces | site.pages.mediainfo_namespaces
    if wrong := sorted(set(configured) - known):
        raise ConfigError(
            f"{key} names {', '.join(map(str, wrong))}, where {site.domain} has no entities.",
            hint=f"Its entities are in {', '.join(map(str, sorted(known)))}; remove {key} to use these.",
            key=key,
        )


def _read_concept_uri(general: Json) -> str:
    stated = general["wikibase-conceptbaseuri"]
    root = wikibase_root(stated)
    if not is_concept_base(root):
        raise WikiError(
            f"The wiki {general['servername']} states the concept base {stated!r:.300}, which is not an absolute IRI.",
            hint="Correct conceptBaseUri in the settings of the Wikibase, or check that no proxy changes its answers.",
            wiki=general["servername"],
        )
    return root


def _prefixes(namespaces: Iterable[Json]) -> tuple[str, ...]:
    """Return the prefixes of titles in both forms: the Action API writes spaces, and events write underscores."""
    names = [each["name"] for each in namespaces if each["name"]]
    return tuple(dict.fromkeys(f"{form}:" for name in names for form in (name, name.replace(" ", "_"))))


def _is_entity_namespace(namespace: Json) -> bool:
    return namespace.get("defaultcontentmodel") in ENTITY_MODELS


def _read_number(namespace: Json) -> int:
    number = read_integer(namespace["id"])
    if number is None:
        raise WikiError(
            f"The siteinfo of the wiki has a namespace with the number {namespace['id']!r:.60}; allowed are 0 to "
            f"{MAX_INTEGER}.",
            hint="Check that no proxy changes the answers of the wiki's api.php.",
        )
    return number


def _has_mediainfo(query: Json) -> bool:
    return any(each.get("name") == "WikibaseMediaInfo" for each in query.get("extensions", ()))


def _entity_data_page(query: Json) -> str:
    """Return the start of the titles of entity data, percent-encoded, as in the content language.

    The wiki redirects from any other name. A wiki that does not state its names has the English ones.
    """
    namespace = query["namespaces"].get(_SPECIAL_NAMESPACE, {}).get("name") or "Special"
    known = {each["realname"]: each["aliases"] for each in query.get("specialpagealiases", ())}
    name = next(iter(known.get(_ENTITY_DATA, ())), _ENTITY_DATA)
    return quote(f"{namespace}:{name}/".replace(" ", "_"), safe=PAGE_NAME_CHARACTERS)


def _entity_data_url(query: Json, api: str, origins: Origins) -> str:
    """Return the URL of entity data: the article path of the wiki on the server of its API, or on a confirmed server.

    Raises:
        WikiError: The article path is not a path on a server.
    """
    general = query["general"]
    stated, path = _absolute_url(general["server"], api), str(general["articlepath"])
    server: str = stated if not api or origins.is_confirmed(stated) else parse_origin(api, allows_user=True)
    url = server + path.replace("$1", _entity_data_page(query))
    if not path.startswith("/") or path.startswith("//") or not Origins().may_follow(url, asked=server):
        raise WikiError(
            f"The wiki {general['servername']!s:.200} states the article path {path!r:.200}, which is not a path on its server.",
            hint="Correct $wgArticlePath of the wiki, or check that no proxy changes its answers.",
            wiki=general["servername"],
        )
    return url


def _absolute_url(server: str, api: str) -> str:
    # A wiki that is served over both http and https states its server without a scheme.
    scheme = URL(api).scheme or "https"
    return str(URL(f"{scheme}:{server}" if server.startswith("//") else server)).rstrip("/")
