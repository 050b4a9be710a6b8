"""The fake Wikibase: the fake wiki with ``Special:EntityData`` and the lists of changes and pages."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import orjson
from aiohttp import web

from wikistate.testing.wiki import responses
from wikistate.testing.wiki.cached_bodies import CachedBody
from wikistate.testing.wiki.responses import WikiResponse
from wikistate.testing.wiki.server import FakeWiki
from wikistate.testing.wiki.special_pages import ENTITY_DATA, build_page_url, list_aliases, special_namespace
from wikistate.testing.wikibase.change_events import build_page_change
from wikistate.testing.wikibase.documents import CONTENT_TYPES, serialize_triples
from wikistate.testing.wikibase.edit_simulator import EditSimulator
from wikistate.testing.wikibase.list_api import MAX_ROWS, WikibaseApi
from wikistate.testing.wikibase.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wikistate.demo.pages import Wiki
    from wikistate.testing.wiki.special_pages import SpecialPage
    from wikistate.testing.wikibase.changes import Change

_FILE = re.compile(r"/(?P<entity>[A-Za-z][0-9]+)(?:\.(?P<format>[A-Za-z]+))?")
_FORMATS = frozenset({"ttl", "nt"})
_CACHED_DOCUMENTS = 500  # documents; the largest have about 200 KB


class FakeWikibase(FakeWiki):
    """Fake Wikibase on a local address.

    ::

        async with FakeWikibase(repository) as wikibase:
            repository.save(item)
            ...  # GET {wikibase.url}/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=1

    Faults are those of `FakeWiki`. In a rule, ``revisions`` are the requested ones, and ``path`` distinguishes
    ``Special:EntityData`` from the Action API. With `MissingRevision`, EntityData responds with 404, as a lagged replica
    does.

    From another process, ``POST /_control/edits?count=10`` simulates edits and returns their events, one a line.
    ``GET /_control/journal`` returns the events of all changes, ``GET /_control/dump`` all entities as N-Triples.

    Args:
        repository: Data of the Wikibase.
        port: The port; 0 takes a free one.
        simulator: Simulator of the edits that the control path requests.
        max_rows: Maximum of rows of one response of the Action API.
        has_local_data_nodes: Whether the IRIs of documents are the addresses of this server, as on most wikis. They always
            are if the wiki has another article path or content language than Wikidata.

    Attributes:
        repository: Data of the Wikibase; the next response reflects each change.
        simulator: Simulator of edits.
        replication_delay: Seconds until a replica has a new revision; EntityData responds with 404 until then.
        stated_server: Server that the wiki states and redirects to, such as its public one; empty for the address of this
            server.
        withholds_dangling_redirects: Whether EntityData responds with 404 for an entity that was merged into a deleted one,
            in every form, as a real Wikibase does.
    """

    def __init__(
        self,
        repository: Repository | None = None,
        *,
        port: int = 0,
        simulator: EditSimulator | None = None,
        max_rows: int = MAX_ROWS,
        has_local_data_nodes: bool = False,
    ) -> None:
        self.repository = repository or Repository()
        self.replication_delay = 0.0
        self.stated_server = ""
        self.withholds_dangling_redirects = True
        super().__init__(self.repository.dataset, port=port, api=WikibaseApi(self.repository, max_rows=max_rows))
        self.simulator = simulator or EditSimulator(self.repository)
        wiki = self.repository.wiki
        self._has_local_data_nodes = has_local_data_nodes or wiki.article_path != "/wiki/$1" or wiki.language != "en"
        self._render = lru_cache(maxsize=_CACHED_DOCUMENTS)(self._render_document)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._has_local_data_nodes:
            # The namespace is local and the name of the page is English, whatever the name in the content language is.
            wiki = replace(self.repository.wiki, server=self.url)
            base = build_page_url(wiki, f"{special_namespace(wiki)}:{ENTITY_DATA}/")
            self.repository.vocabulary = replace(self.repository.vocabulary, data_base=base)
        return self

    def document_url(self, entity_id: str, revision: int = 0, *, form: str = "ttl") -> str:
        """Return the URL of a document, by the English name of the special page."""
        wiki = replace(self.repository.wiki, server=self.url)
        url = build_page_url(wiki, f"Special:{ENTITY_DATA}/{entity_id}.{form}")
        return f"{url}{'&' if '?' in url else '?'}flavor=dump&revision={revision}"

    def _find_wiki(self, host: str) -> Wiki | None:
        wiki = super()._find_wiki(host)
        return wiki and replace(wiki, server=self.stated_server or self.url)

    def _build_special_page(
        self, page: SpecialPage, wiki: Wiki, params: Mapping[str, str], hidden: frozenset[int]
    ) -> WikiResponse:
        if page.name != ENTITY_DATA:
            return super()._build_special_page(page, wiki, params, hidden)
        found = _FILE.fullmatch(page.subpage)
        if found is None:
            return _make_bad_request()
        entity, form = found["entity"].upper(), found["format"]
        if form is None:  # the wiki redirects to its default format, and drops the query
            return responses.make_redirect(self._page_url(wiki, f"{entity}.json"), status=303)
        if (entity, form.lower()) != (found["entity"], form):  # the wiki drops the query here, too
            return responses.make_redirect(self._page_url(wiki, f"{entity}.{form.lower()}"), status=301)
        if form not in _FORMATS:
            return _make_bad_request()
        return self._entity_data(wiki, entity, form, params, hidden)

    def _page_url(self, wiki: Wiki, document: str) -> str:
        local = next(each["aliases"][0] for each in list_aliases(wiki) if each["realname"] == ENTITY_DATA)
        return build_page_url(wiki, f"{special_namespace(wiki)}:{local}/{document}")

    def _entity_data(
        self, wiki: Wiki, entity: str, form: str, params: Mapping[str, str], hidden: frozenset[int]
    ) -> WikiResponse:
        text = params.get("revision", "0")
        revision = int(text) if text.isdecimal() else 0
        if not revision and (target := self._redirect_target(entity)):
            query = "&".join(f"{name}={value}" for name, value in params.items() if name != "title")
            url = self._page_url(wiki, f"{target}.{form}")
            return responses.make_redirect(f"{url}{'&' if '?' in url else '?'}{query}", status=302)
        current = revision or self.repository.current_revision(entity)
        is_withheld = self.withholds_dangling_redirects and self.repository.is_dangling_redirect(entity, current)
        body = None
        if current and current not in hidden and not is_withheld:
            body = self._render_visible(entity, current, form)
        if body is None:
            return responses.make_html(f"No entity with ID {entity} was found.", status=404)
        return WikiResponse([body], content_type=CONTENT_TYPES[form])

    def _redirect_target(self, entity: str) -> str:
        """Return the entity into which an entity was merged; empty for other entities."""
        if not self.repository.current_revision(entity):
            return ""
        return getattr(self.repository.entity(entity), "target", "")

    def _render_visible(self, entity: str, revision: int, form: str) -> CachedBody | None:
        is_visible = self.repository.is_visible(entity, revision, replication_delay=self.replication_delay)
        return self._render(entity, revision, form) if is_visible else None

    def _render_document(self, entity: str, revision: int, form: str) -> CachedBody:
        triples = self.repository.document(entity, revision) or ()
        return CachedBody(serialize_triples(triples, form, self.repository.vocabulary))

    async def _handle_control(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path.removeprefix("/_control/"):
            case "POST", "edits":
                made = self.simulator.simulate(int(request.query.get("count", "1")))
                return web.Response(body=self._encode_changes(made))
            case "GET", "journal":
                return web.Response(body=self._encode_changes(self.repository.journal))
            case "GET", "dump":
                return web.Response(body=serialize_triples(self.repository.dump(), "nt", self.repository.vocabulary))
            case _:
                return await super()._handle_control(request)

    def _encode_changes(self, changes: Iterable[Change]) -> bytes:
        """Return the events of changes, one a line. The null revision of a log action has no event."""
        events = (build_page_change(change, self.repository.wiki) for change in changes if not change.log_action)
        return b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in events)


def _make_bad_request() -> WikiResponse:
    return responses.make_html("<!DOCTYPE html><title>Bad request</title>Invalid ID or format.", status=400)
