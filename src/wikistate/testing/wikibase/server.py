"""The small Wikibase itself: the small wiki, with ``Special:EntityData`` and what its Action API lists besides."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from wikistate.testing.wiki import replies
from wikistate.testing.wiki.pieces import Piece
from wikistate.testing.wiki.replies import Reply
from wikistate.testing.wiki.server import FakeWiki
from wikistate.testing.wikibase.documents import CONTENT_TYPES, serialized
from wikistate.testing.wikibase.editing import Editors
from wikistate.testing.wikibase.lists import MOST, WikibaseApi
from wikistate.testing.wikibase.repository import Repository
from wikistate.testing.wikibase.telling import page_change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.testing.pages import Wiki
    from wikistate.testing.wikibase.changes import Change

ENTITY_DATA = "/wiki/Special:EntityData/"
_FILE = re.compile(r"(?P<entity>[A-Za-z][0-9]+)\.(?P<format>ttl|nt)")
_KEPT = 500  # documents, the largest of which have some 200 KB


class FakeWikibase(FakeWiki):
    """A Wikibase on a local address.

    ::

        async with FakeWikibase(repository) as wikibase:
            repository.save(item)
            ...  # GET {wikibase.url}/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=1

    Faults are those of `FakeWiki`; in a rule, ``revisions`` are those that are asked for, and ``path`` tells
    ``Special:EntityData`` from the Action API. `Absent` makes EntityData answer 404, as a replica does that lags behind.
    From another process, ``POST /_control/edits?count=10`` lets the editors work and answers the events of what they did,
    one a line; ``GET /_control/journal`` has those of all changes, and ``GET /_control/dump`` what there is as N-Triples.

    Args:
        repository: What it knows.
        port: The port; 0 takes a free one.
        editors: Who works when the control path asks for edits.
        most: Rows of one answer of its Action API.

    Attributes:
        repository: What it knows; change it and the next answer is another.
        replication: Seconds that a replica takes to have a new revision; EntityData answers 404 until then.
    """

    def __init__(
        self,
        repository: Repository | None = None,
        *,
        port: int = 0,
        editors: Editors | None = None,
        most: int = MOST,
    ) -> None:
        self.repository = repository or Repository()
        self.replication = 0.0
        super().__init__(self.repository.world, port=port, api=WikibaseApi(self.repository, most=most))
        self._editors = editors or Editors(self.repository)
        self._render = lru_cache(maxsize=_KEPT)(self._rendered)

    def document_url(self, entity_id: str, revision: int = 0, *, form: str = "ttl") -> str:
        """Where a document is."""
        return f"{self.url}{ENTITY_DATA}{entity_id}.{form}?flavor=dump&revision={revision}"

    def _wiki(self, host: str) -> Wiki | None:
        wiki = super()._wiki(host)
        return wiki and replace(wiki, server=self.url)

    def _reply(self, path: str, wiki: Wiki, params: Mapping[str, str], *, hidden: frozenset[int], lag: float) -> Reply:
        if path.startswith(ENTITY_DATA):
            return self._entity_data(path.removeprefix(ENTITY_DATA), params, hidden)
        return super()._reply(path, wiki, params, hidden=hidden, lag=lag)

    def _entity_data(self, name: str, params: Mapping[str, str], hidden: frozenset[int]) -> Reply:
        found = _FILE.fullmatch(name)
        if found is None:
            return replies.page("<!DOCTYPE html><title>Bad request</title>Invalid ID or format.", status=400)
        entity, form = found["entity"], found["format"]
        if entity != entity.upper():  # the wiki writes ids in upper case, and sends everybody there
            return _moved(f"{self.url}{ENTITY_DATA}{entity.upper()}.{form}", params)
        text = params.get("revision", "0")
        revision = int(text) if text.isdecimal() else 0
        if not revision and (target := self._target(entity)):
            return _moved(f"{self.url}{ENTITY_DATA}{target}.{form}", params)
        current = revision or self.repository.current_of(entity)
        body = None if current in hidden or not current else self._visible(entity, current, form)
        if body is None:
            return replies.page("<!DOCTYPE html><title>Not found</title>No such entity or revision.", status=404)
        return Reply([body], content_type=CONTENT_TYPES[form])

    def _target(self, entity: str) -> str:
        """Where an entity was merged into; nowhere, for most."""
        if not self.repository.current_of(entity):
            return ""
        return getattr(self.repository.entity(entity), "target", "")

    def _visible(self, entity: str, revision: int, form: str) -> Piece | None:
        is_visible = self.repository.shows(entity, revision, replicated=self.replication)
        return self._render(entity, revision, form) if is_visible else None

    def _rendered(self, entity: str, revision: int, form: str) -> Piece:
        triples = self.repository.document(entity, revision) or ()
        return Piece(serialized(triples, form, self.repository.vocabulary))

    async def _control(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path.removeprefix("/_control/"):
            case "POST", "edits":
                made = self._editors.bustle(int(request.query.get("count", "1")))
                return web.Response(body=b"".join(self._line(change) for change in made))
            case "GET", "journal":
                return web.Response(body=b"".join(self._line(change) for change in self.repository.journal))
            case "GET", "dump":
                return web.Response(body=serialized(self.repository.dump(), "nt", self.repository.vocabulary))
            case _:
                return await super()._control(request)

    def _line(self, change: Change) -> bytes:
        return orjson.dumps(page_change(change, self.repository.wiki), option=orjson.OPT_APPEND_NEWLINE)


def _moved(url: str, params: Mapping[str, str]) -> Reply:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    return replies.page("", status=302)._replace(headers={"Location": f"{url}?{query}"})
