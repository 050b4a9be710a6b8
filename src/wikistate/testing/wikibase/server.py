"""The fake Wikibase: the fake wiki with ``Special:EntityData`` and the lists of changes and pages."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from wikistate.testing.wiki import responses
from wikistate.testing.wiki.cached_bodies import CachedBody
from wikistate.testing.wiki.responses import WikiResponse
from wikistate.testing.wiki.server import FakeWiki
from wikistate.testing.wikibase.change_events import build_page_change
from wikistate.testing.wikibase.documents import CONTENT_TYPES, serialize_triples
from wikistate.testing.wikibase.edit_simulator import EditSimulator
from wikistate.testing.wikibase.list_api import MAX_ROWS, WikibaseApi
from wikistate.testing.wikibase.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.demo.pages import Wiki
    from wikistate.testing.wikibase.changes import Change

ENTITY_DATA = "/wiki/Special:EntityData/"
_FILE = re.compile(r"(?P<entity>[A-Za-z][0-9]+)\.(?P<format>ttl|nt)")
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

    Attributes:
        repository: Data of the Wikibase; the next response reflects each change.
        replication_delay: Seconds until a replica has a new revision; EntityData responds with 404 until then.
    """

    def __init__(
        self,
        repository: Repository | None = None,
        *,
        port: int = 0,
        simulator: EditSimulator | None = None,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self.repository = repository or Repository()
        self.replication_delay = 0.0
        super().__init__(self.repository.dataset, port=port, api=WikibaseApi(self.repository, max_rows=max_rows))
        self._simulator = simulator or EditSimulator(self.repository)
        self._render = lru_cache(maxsize=_CACHED_DOCUMENTS)(self._render_document)

    def document_url(self, entity_id: str, revision: int = 0, *, form: str = "ttl") -> str:
        """Return the URL of a document."""
        return f"{self.url}{ENTITY_DATA}{entity_id}.{form}?flavor=dump&revision={revision}"

    def _find_wiki(self, host: str) -> Wiki | None:
        wiki = super()._find_wiki(host)
        return wiki and replace(wiki, server=self.url)

    def _build_response(
        self, path: str, wiki: Wiki, params: Mapping[str, str], *, hidden: frozenset[int], lag: float
    ) -> WikiResponse:
        if path.startswith(ENTITY_DATA):
            return self._entity_data(path.removeprefix(ENTITY_DATA), params, hidden)
        return super()._build_response(path, wiki, params, hidden=hidden, lag=lag)

    def _entity_data(self, name: str, params: Mapping[str, str], hidden: frozenset[int]) -> WikiResponse:
        found = _FILE.fullmatch(name)
        if found is None:
            return responses.make_html("<!DOCTYPE html><title>Bad request</title>Invalid ID or format.", status=400)
        entity, form = found["entity"], found["format"]
        if entity != entity.upper():  # the wiki redirects to the id in upper case
            return _redirect_to(f"{self.url}{ENTITY_DATA}{entity.upper()}.{form}", params)
        text = params.get("revision", "0")
        revision = int(text) if text.isdecimal() else 0
        if not revision and (target := self._redirect_target(entity)):
            return _redirect_to(f"{self.url}{ENTITY_DATA}{target}.{form}", params)
        current = revision or self.repository.current_revision(entity)
        body = None if current in hidden or not current else self._render_visible(entity, current, form)
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
                made = self._simulator.simulate(int(request.query.get("count", "1")))
                return web.Response(body=b"".join(self._encode_change(change) for change in made))
            case "GET", "journal":
                return web.Response(body=b"".join(self._encode_change(change) for change in self.repository.journal))
            case "GET", "dump":
                return web.Response(body=serialize_triples(self.repository.dump(), "nt", self.repository.vocabulary))
            case _:
                return await super()._handle_control(request)

    def _encode_change(self, change: Change) -> bytes:
        return orjson.dumps(build_page_change(change, self.repository.wiki), option=orjson.OPT_APPEND_NEWLINE)


def _redirect_to(url: str, params: Mapping[str, str]) -> WikiResponse:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    return responses.make_html("", status=302)._replace(headers={"Location": f"{url}?{query}"})
