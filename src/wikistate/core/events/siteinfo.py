"""Siteinfo of a wiki: the answer to ``meta=siteinfo``, read once for all parts that need it.

Source: MediaWiki documentation, API:Siteinfo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.events.fields import FieldError, Fields, quote_value
from wikistate.core.events.integers import MAX_INTEGER, read_integer

if TYPE_CHECKING:
    from collections.abc import Mapping

_SMALLEST_NAMESPACE = -2  # that of links to the file itself; -1 is that of special pages


class Namespace(NamedTuple):
    """Namespace of a wiki.

    Attributes:
        number: Its number; below 0 for one without pages.
        name: Its name; empty for the main namespace.
        is_content: Whether its pages count as content.
        content_model: Content model of its new pages; empty if the wiki does not state it.
    """

    number: int
    name: str
    is_content: bool
    content_model: str


class SiteInfo(NamedTuple):
    """Siteinfo of a wiki.

    Attributes:
        wiki_id: Name of the database.
        domain: Host name that the wiki states.
        server: URL of the host, maybe without a scheme.
        article_path: Path of a page, with ``$1`` for its title.
        concept_base: Concept base of a Wikibase; empty for another wiki.
        namespaces: Namespaces by number.
        special_pages: Names of special pages by their English names.
        extensions: Names of the extensions.
    """

    wiki_id: str
    domain: str
    server: str
    article_path: str
    concept_base: str
    namespaces: Mapping[int, Namespace]
    special_pages: Mapping[str, str]
    extensions: frozenset[str]


def read_siteinfo(document: object) -> SiteInfo:
    """Return the siteinfo in a parsed answer.

    Raises:
        FieldError: A field is missing, or has another type.
    """
    query = Fields(document).fields("query")
    general = query.fields("general")
    namespaces = [
        _read_namespace(query.fields("namespaces").fields(name)) for name in query.fields("namespaces").values
    ]
    return SiteInfo(
        wiki_id=general.text("wikiid"),
        domain=general.text("servername"),
        server=general.text("server"),
        article_path=general.text("articlepath"),
        concept_base=general.get_text("wikibase-conceptbaseuri"),
        namespaces={each.number: each for each in namespaces},
        special_pages=dict(_read_special_pages(query)),
        extensions=frozenset(each.get_text("name") for each in query.get_all("extensions")),
    )


def _read_namespace(fields: Fields) -> Namespace:
    stated = fields.values.get("id")
    # Some wikis write the number as a text.
    number = read_integer(stated)
    if number is None:
        if isinstance(stated, str):
            raise FieldError(
                f"{fields.path_of('id')} is {quote_value(stated)}, but must be a number up to {MAX_INTEGER}"
            )
        number = fields.integer("id", minimum=_SMALLEST_NAMESPACE)
    return Namespace(
        number, fields.get_text("name"), bool(fields.values.get("content")), fields.get_text("defaultcontentmodel")
    )


def _read_special_pages(query: Fields) -> list[tuple[str, str]]:
    aliases = ((each.text("realname"), each.get_list("aliases")) for each in query.get_all("specialpagealiases"))
    return [(name, names[0]) for name, names in aliases if names and isinstance(names[0], str) and names[0]]
