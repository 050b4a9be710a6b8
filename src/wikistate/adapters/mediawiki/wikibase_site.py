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
from wikistate.core.events.fields import FieldError, quote_value
from wikistate.core.events.first_line import quote_first_line
from wikistate.core.events.integers import MAX_INTEGER
from wikistate.core.events.siteinfo import read_siteinfo
from wikistate.core.rdf.parse import iterate_quads
from wikistate.core.rdf.uris import is_concept_base
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.errors import ConfigError, InputError, WikiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wikistate.core.events.siteinfo import Namespace, SiteInfo

Json = dict[str, Any]

ENTITY_MODELS = frozenset({"wikibase-item", "wikibase-property", "wikibase-lexeme"})
"""Content models of entity pages. Those of other extensions, such as EntitySchema, have no RDF."""

FILE_NAMESPACE = 6

_ENTITY = "/entity/"
_ENTITY_DATA = "EntityData"
_SCHEMA_ABOUT = pyoxigraph.NamedNode("http://schema.org/about")
_SITE_QUERY = {"meta": "siteinfo", "siprop": "general|namespaces|specialpagealiases|extensions"}
_SPECIAL_NAMESPACE = -1
_MEDIAINFO = "WikibaseMediaInfo"


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
    return parse_site(document.get("query"), api=api, origins=origins)


def parse_site(query: object, *, api: str = "", origins: Origins | None = None) -> WikibaseSite:
    """Parse the siteinfo of a wiki.

    Args:
        query: Response with the parts ``general``, ``namespaces``, ``specialpagealiases`` and ``extensions``.
        api: URL of the Action API. Entity data are requested from the same server, whatever server the wiki states: many wikis
            are asked at an internal address and state a public one. Empty to use the stated server.
        origins: Servers that the wiki may state instead.

    Raises:
        WikiError: The wiki is not a Wikibase repository, or a field of its siteinfo is missing or has another type.
    """
    try:
        found = read_siteinfo({"query": query})
        entities = _entity_namespaces(found)
        stated_server = _absolute_url(found.server, api)
    except FieldError as error:
        raise WikiError(
            f"The siteinfo of the wiki cannot be read: {error.message}{f' ({api})' if api else ''}.",
            hint="Check that no proxy changes the answers of the wiki's api.php.",
        ) from error
    if not found.concept_base:
        raise WikiError(
            f"The wiki {found.domain} is not a Wikibase: its siteinfo has no concept base.",
            hint="Set the address of the wiki that has the entities, not of a wiki that only uses them.",
            wiki=found.domain,
        )
    models = {each.number: each.content_model for each in entities}
    return WikibaseSite(
        domain=found.domain,
        wiki_id=found.wiki_id,
        concept_uri=_check_concept_base(found),
        entity_data=_entity_data_url(found, stated_server, api, origins or Origins()),
        stated_server=stated_server,
        models=models,
        pages=EntityPages(
            domain=found.domain,
            namespaces=frozenset(models),
            mediainfo_namespaces=frozenset({FILE_NAMESPACE}) if _MEDIAINFO in found.extensions else frozenset(),
            content_models=frozenset(models.values()),
            prefixes=_prefixes(each.name for each in entities),
        ),
        names={each.number: each.name for each in entities},
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
        for quad in iterate_quads(rdf, base=base, mime_type=mime_type):
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


def _check_concept_base(site: SiteInfo) -> str:
    root = wikibase_root(site.concept_base)
    if not is_concept_base(root):
        raise WikiError(
            f"The wiki {site.domain} states the concept base {quote_value(site.concept_base, 300)}, which is not an absolute IRI.",
            hint="Correct conceptBaseUri in the settings of the Wikibase, or check that no proxy changes its answers.",
            wiki=site.domain,
        )
    return root


def _entity_namespaces(site: SiteInfo) -> list[Namespace]:
    """Return the namespaces of entities. Raises `FieldError` for one whose number no page can have."""
    found = [each for each in site.namespaces.values() if each.content_model in ENTITY_MODELS]
    if wrong := [each.number for each in found if each.number < 0]:
        raise FieldError(
            f"query.namespaces has entities in the namespace {wrong[0]}, but allowed are 0 to {MAX_INTEGER}"
        )
    return found


def _prefixes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the prefixes of titles in both forms: the Action API writes spaces, and events write underscores."""
    return tuple(dict.fromkeys(f"{form}:" for name in names if name for form in (name, name.replace(" ", "_"))))


def _entity_data_page(site: SiteInfo) -> str:
    """Return the start of the titles of entity data, percent-encoded, as in the content language.

    The wiki redirects from any other name. A wiki that does not state its names has the English ones.
    """
    special = site.namespaces.get(_SPECIAL_NAMESPACE)
    namespace = (special.name if special else "") or "Special"
    name = site.special_pages.get(_ENTITY_DATA, _ENTITY_DATA)
    return quote(f"{namespace}:{name}/".replace(" ", "_"), safe=PAGE_NAME_CHARACTERS)


def _entity_data_url(site: SiteInfo, stated_server: str, api: str, origins: Origins) -> str:
    """Return the URL of entity data: the article path of the wiki on the server of its API, or on a confirmed server.

    Raises:
        WikiError: The article path is not a path on a server.
    """
    is_usable = not api or origins.is_confirmed(stated_server)
    server: str = stated_server if is_usable else parse_origin(api, allows_user=True)
    path = site.article_path
    url = server + path.replace("$1", _entity_data_page(site))
    if not path.startswith("/") or path.startswith("//") or not Origins().may_follow(url, asked=server):
        raise WikiError(
            f"The wiki {site.domain!s:.200} states the article path {path!r:.200}, which is not a path on its server.",
            hint="Correct $wgArticlePath of the wiki, or check that no proxy changes its answers.",
            wiki=site.domain,
        )
    return url


def _absolute_url(server: str, api: str) -> str:
    # A wiki that is served over both http and https states its server without a scheme.
    scheme = URL(api).scheme or "https"
    try:
        url = URL(f"{scheme}:{server}" if server.startswith("//") else server)
        is_valid = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
    except ValueError:
        url, is_valid = URL(), False
    if not is_valid:
        raise FieldError(f"query.general.server is {quote_value(server)}, but must be an http or https URL")
    return str(url).rstrip("/")
