"""Addresses of pages, and special pages by their names in the content language.

Sources: MediaWiki documentation (Manual:$wgArticlePath, Manual:$wgLanguageCode, Help:Special pages). The redirects are
those of a real MediaWiki, which the contract tests compare.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.demo.pages import Wiki

ENTITY_DATA = "EntityData"

_CHARACTERS = ";@$!*(),/~:"
"""Characters of a title that MediaWiki does not percent-encode."""

_NAMESPACES = {"de": "Spezial", "fr": "Spécial"}
_ALIASES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "de": {"Specialpages": ("Spezialseiten",), ENTITY_DATA: ("Objektdaten",)},
        "fr": {"Specialpages": ("Pages_spéciales", "PagesSpéciales", "Pages_speciales", "PagesSpeciales")},
    }
)
_ENGLISH = MappingProxyType({"Version": "Version", "Specialpages": "SpecialPages", ENTITY_DATA: ENTITY_DATA})


class SpecialPage(NamedTuple):
    """Special page of a request.

    Attributes:
        name: English name, which is the same on all wikis.
        subpage: Part of the title behind the first slash, with the slash; empty without one.
        has_local_namespace: Whether the request has the namespace of the content language.
        has_local_name: Whether the request has the name of the page in the content language.
    """

    name: str
    subpage: str
    has_local_namespace: bool
    has_local_name: bool


def special_namespace(wiki: Wiki) -> str:
    """Return the name of the namespace of special pages."""
    return _NAMESPACES.get(wiki.language, "Special")


def list_aliases(wiki: Wiki) -> list[dict[str, Any]]:
    """Return the special pages as ``siprop=specialpagealiases`` lists them: the local name first, the English one last."""
    return [
        {"realname": name, "aliases": list(dict.fromkeys((*_ALIASES.get(wiki.language, {}).get(name, ()), english)))}
        for name, english in _ENGLISH.items()
    ]


def script_url(wiki: Wiki) -> str:
    """Return the path of ``index.php``."""
    return f"{wiki.script_path}/index.php"


def build_page_url(wiki: Wiki, title: str, query: str = "") -> str:
    """Return the full address of a page. With a query, MediaWiki takes the form with the title in the query."""
    server, name = wiki.server or f"https://{wiki.domain}", quote(title.replace(" ", "_"), safe=_CHARACTERS)
    if query:
        return f"{server}{script_url(wiki)}?title={name}&{query}"
    return f"{server}{wiki.article_path.replace('$1', name)}"


def find_title(wiki: Wiki, path: str, params: Mapping[str, str]) -> str:
    """Return the title that a request names by its path or by the parameter ``title``; empty without one."""
    script, prefix = script_url(wiki), wiki.article_path.partition("$1")[0]
    if path == script:
        return params.get("title", "")
    for begin in (f"{script}/", prefix):
        if "?" not in begin and path.startswith(begin):
            return path.removeprefix(begin)
    return ""


def find_special_page(wiki: Wiki, title: str) -> SpecialPage | None:
    """Return the special page of a title; None for other titles.

    The page is found in upper and lower case. Its name is local only in its own case, except for the first letter.
    """
    namespace, _, rest = title.partition(":")
    if namespace.casefold() not in {"special", special_namespace(wiki).casefold()}:
        return None
    name, slash, subpage = rest.partition("/")
    for known in list_aliases(wiki):
        local, *others = known["aliases"]
        if name.casefold() in {each.casefold() for each in (local, *others, known["realname"])}:
            is_local = namespace == special_namespace(wiki)
            return SpecialPage(known["realname"], slash + subpage, is_local, name[:1].upper() + name[1:] == local)
    return None


def find_redirect(wiki: Wiki, page: SpecialPage, params: Mapping[str, str]) -> tuple[int, str] | None:
    """Return the status and the address of the redirect to the local name of a special page; None if there is none.

    MediaWiki redirects from any other name, and keeps the query. From another namespace alone it redirects only without a
    query.
    """
    title = f"{special_namespace(wiki)}:{_local_name(wiki, page.name)}{page.subpage}"
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in params.items() if name != "title")
    if not page.has_local_namespace and not query:
        return 301, build_page_url(wiki, title)
    return None if page.has_local_name else (302, build_page_url(wiki, title, query))


def _local_name(wiki: Wiki, name: str) -> str:
    return next(str(each["aliases"][0]) for each in list_aliases(wiki) if each["realname"] == name)
