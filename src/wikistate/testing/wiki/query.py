"""``action=query``: revisions with their content, page information, site information.

Result sizes are counted as MediaWiki counts them. A list of revisions that does not fit ends with a ``continue``, so
that a client receives all forms of response of a real wiki.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.testing.wiki.api_warnings import PROPS, collect_warnings
from wikistate.testing.wiki.assembly import assemble_document
from wikistate.testing.wiki.page_set import PageSet, resolve_page_set
from wikistate.testing.wiki.responses import ApiUsageError, WikiResponse
from wikistate.testing.wiki.revision_format import measure_size, parse_format
from wikistate.testing.wiki.special_pages import list_aliases, script_url, special_namespace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from wikistate.demo.pages import Page, Wiki
    from wikistate.testing.wiki.datasets import Dataset, RevisionFragment

LIST_OPTIONS = frozenset({"rvlimit", "rvstart", "rvend", "rvstartid", "rvendid", "rvdir", "rvuser", "rvexcludeuser"})
INCOMPATIBLE_WITH_SLOTS = frozenset({"rvparse", "rvdiffto", "rvdifftotext", "rvexpandtemplates", "rvcontentformat"})


class Limits(NamedTuple):
    """Limits of a wiki.

    Attributes:
        values: Maximum number of values of one parameter: 50, or 500 for accounts with high limits.
        result_bytes: Maximum size of a result, ``$wgAPIMaxResultSize`` of MediaWiki.
    """

    values: int = 50
    result_bytes: int = 8_388_608


class Query:
    """Query of one wiki.

    Args:
        dataset: Data of the wikis.
        wiki: The requested wiki.
        params: Parameters of the request.
        limits: Limits of the wiki.
        hidden: Revisions that are missing for this request.
    """

    def __init__(
        self, dataset: Dataset, wiki: Wiki, params: Mapping[str, str], *, limits: Limits, hidden: AbstractSet[int]
    ) -> None:
        self._dataset = dataset
        self._wiki = wiki
        self._params = params
        self._limits = limits
        self._hidden = hidden
        self._fragments: dict[int, RevisionFragment] = {}
        self._format = parse_format(params.get("rvprop"), params.get("rvslots"))
        self._props = tuple(name for name in params.get("prop", "").split("|") if name in PROPS)

    def execute(self) -> WikiResponse:
        """Return the response.

        Raises:
            ApiUsageError: The parameters contradict each other or have invalid values.
        """
        self._validate()
        pages = resolve_page_set(
            self._dataset, self._wiki, self._params, find_page=self._find_page, limit=self._limits.values
        )
        shown = self._render_pages(pages)
        chosen, resume = (
            self._select_fitting(pages, sum(map(measure_size, shown.values()))) if self._has_revisions else ([], None)
        )
        return WikiResponse(
            assemble_document(self._build_header(pages, resume), shown, chosen, stopped=self._page_number(resume))
        )

    @property
    def _has_revisions(self) -> bool:
        return "revisions" in self._props

    def _validate(self) -> None:
        given = self._params.keys()
        if not self._has_revisions:
            return
        if "revids" in given and (mixed := sorted(LIST_OPTIONS & given)):
            text = f'The "revids" parameter may not be used with the list options ({mixed[0]}).'
            raise ApiUsageError("invalidparammix", text)
        if "rvslots" in given and (mixed := sorted(INCOMPATIBLE_WITH_SLOTS & given)):
            raise ApiUsageError("invalidparammix", f'The "{mixed[0]}" parameter cannot be used with "rvslots".')

    def _find_page(self, rev_id: int) -> Page | None:
        fragment = None if rev_id in self._hidden else self._dataset.get_fragment(self._wiki, rev_id, self._format)
        if fragment is None:
            return None
        self._fragments[rev_id] = fragment
        return fragment.page

    def _page_number(self, rev_id: int | None) -> int | None:
        return self._fragments[rev_id].page.page_id if rev_id in self._fragments else None

    def _render_pages(self, pages: PageSet) -> dict[int, dict[str, Any]]:
        """Return the pages without their revisions, in the order of the response."""
        shown = {page_id: self._render_page(page) for page_id, page in pages.pages.items()} | pages.missing
        return dict(sorted(shown.items(), key=lambda item: (item[0] >= 0, abs(item[0]))))

    def _render_page(self, page: Page) -> dict[str, Any]:
        shown: dict[str, Any] = {"pageid": page.page_id, "ns": page.namespace, "title": page.title}
        if "info" not in self._props or "info" in self._params.get("continue", "").split("||")[-1].split("|"):
            return shown  # an earlier response of the continued query has returned it already
        shown |= {"pagelanguage": self._wiki.language, "lastrevid": self._dataset.latest_revision(self._wiki, page)}
        return shown | {"redirect": True} if page.redirect is not None else shown

    def _select_fitting(self, pages: PageSet, size: int) -> tuple[list[RevisionFragment], int | None]:
        """Return the revisions that fit, in the order of their ids, and the revision to continue from."""
        start = _parse_continuation(self._params.get("rvcontinue"))
        chosen: list[RevisionFragment] = []
        for rev_id in pages.revisions:
            if rev_id < start:
                continue
            if rev_id not in self._fragments and self._find_page(rev_id) is None:
                continue
            fragment = self._fragments[rev_id]
            size += fragment.size
            if size > self._limits.result_bytes:
                return chosen, rev_id
            chosen.append(fragment)
        return chosen, None

    def _build_header(self, pages: PageSet, resume: int | None) -> dict[str, Any]:
        """Return all members of the document except the pages."""
        head: dict[str, Any] = {"batchcomplete": True}
        if resume is not None:
            done = "|".join(prop for prop in self._props if prop != "revisions")
            head = {"continue": {"rvcontinue": resume, "continue": f"||{done}"}}
        limit = None if resume is None else self._limits.result_bytes
        if found := collect_warnings(self._params, self._format, truncated_at=limit):
            head["warnings"] = {module: {"warnings": text} for module, text in found.items()}
        query: dict[str, Any] = {}
        if pages.normalized:
            query["normalized"] = pages.normalized
        if pages.redirects:
            query["redirects"] = pages.redirects
        if pages.interwiki:
            query["interwiki"] = pages.interwiki
        if pages.bad_revisions:
            query["badrevids"] = {str(rev_id): {"revid": rev_id, "missing": True} for rev_id in pages.bad_revisions}
        return head | {"query": query | self._build_site_info()}

    def _build_site_info(self) -> dict[str, Any]:
        if "siteinfo" not in self._params.get("meta", "").split("|"):
            return {}
        asked = self._params.get("siprop", "general").split("|")
        return {name: value for name, value in build_site_info(self._wiki).items() if name in asked}


def build_site_info(wiki: Wiki) -> dict[str, Any]:
    """Return the values of ``meta=siteinfo`` by the values of ``siprop``."""
    general = {
        "mainpage": "Main Page",
        "sitename": wiki.site_name,
        "generator": "MediaWiki 1.45.0",
        "lang": wiki.language,
        "wikiid": wiki.wiki_id,
        "server": wiki.server or f"https://{wiki.domain}",
        "servername": wiki.domain,
        "articlepath": wiki.article_path,
        "scriptpath": wiki.script_path,
        "script": script_url(wiki),
        "readonly": False,
        "maxarticlesize": 2_097_152,
    }
    if wiki.concept_base:
        general["wikibase-conceptbaseuri"] = f"{wiki.concept_base}/entity/"
    return {
        "general": general,
        "namespaces": {"-1": _build_special_namespace(wiki)}
        | {str(number): _build_namespace(wiki, number) for number in wiki.namespaces},
        "specialpagealiases": list_aliases(wiki),
        "extensions": [{"type": "other", "name": name} for name in wiki.extensions],
    }


def _build_namespace(wiki: Wiki, number: int) -> dict[str, Any]:
    shown = {"id": number, "name": wiki.namespaces[number], "content": number == 0 or number in wiki.content_models}
    model = wiki.content_models.get(number)
    return shown | {"defaultcontentmodel": model} if model else shown


def _build_special_namespace(wiki: Wiki) -> dict[str, Any]:
    return {
        "id": -1,
        "case": "first-letter",
        "name": special_namespace(wiki),
        "subpages": False,
        "canonical": "Special",
        "content": False,
        "nonincludable": False,
    }


def _parse_continuation(text: str | None) -> int:
    """Return the revision id from which a list continues; a value that is not a number counts as zero, as in PHP."""
    return int(text) if text is not None and text.isdecimal() else 0
