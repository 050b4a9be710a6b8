"""A small Wikibase whose changes rdf-updater follows: its events, and the graphs that must be published in the end."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.e2e.enrichment_job import setting_arguments

from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.redirects import build_redirect_graph
from wikistate.core.rdf.uris import Uris
from wikistate.core.updater.messages import Message, decode_message, merge_chunks
from wikistate.core.updater.mutation import Mutation, OperationName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyoxigraph import Triple

    from wikistate.testing.wikibase import FakeWikibase, WikibaseProcess

    Graphs = dict[str, frozenset[Triple]]

Event = dict[str, Any]

DOMAIN = "wikibase.example"
COMMAND = (sys.executable, "-m", "wikistate", "run", "rdf-updater", "--no-progress")
BOOTSTRAP = (sys.executable, "-m", "wikistate", "rdf-bootstrap")
_URIS = Uris.for_wikibase(f"http://{DOMAIN}")
_FILES = 6


def follow_settings(wikibase: WikibaseProcess | FakeWikibase, **more: object) -> list[str]:
    """Return settings for this wiki, with short waits for events that arrive out of order."""
    return setting_arguments(
        rdf__hostname=DOMAIN,
        rdf__entity_namespaces=[120, 122, 146],
        rdf__mediainfo_namespaces=[_FILES],
        rdf__entity_data=f"{wikibase.url}/wiki/Special:EntityData/",
        rdf__acceptable_lag=0,
        rdf__lateness=0.5,
        rdf__idleness=0.5,
        rdf__reordering_window=0.5,
        **more,
    )


def entity_of(event: Event) -> str:
    """Return the id of the entity that an event is about."""
    page = event["page"]
    if page["namespace_id"] == _FILES:
        return f"M{page['page_id']}"
    return str(page["page_title"].rpartition(":")[2])


def current_revisions(journal: Iterable[Event]) -> dict[str, int]:
    """Return the existing entities with their revisions."""
    found: dict[str, int] = {}
    for event in journal:
        match event["page_change_kind"]:
            case "delete":
                found.pop(entity_of(event), None)
            case "create" | "edit" | "undelete":
                found[entity_of(event)] = event["revision"]["rev_id"]
    return found


async def graphs_of_wiki(wikibase: WikibaseProcess) -> Graphs:
    """Return the graph of each entity as the wiki has it now."""
    graphs: Graphs = {}
    async with aiohttp.ClientSession() as session:
        for entity, revision in current_revisions(await wikibase.journal()).items():
            url = f"{wikibase.url}/wiki/Special:EntityData/{entity}.ttl?flavor=dump&revision={revision}"
            async with session.get(url) as response:
                if response.status == 404:
                    graphs[entity] = await _graph_of_redirect(session, wikibase, entity, revision)
                    continue
                assert response.status == 200, url
                graphs[entity] = munge(parse_triples(await response.read(), base=url), entity, _URIS)
    return graphs


async def _graph_of_redirect(
    session: aiohttp.ClientSession, wikibase: WikibaseProcess, entity: str, revision: int
) -> frozenset[Triple]:
    """Return the graph of a redirect to a deleted entity, which only the content of its page names."""
    query = {"action": "query", "format": "json", "formatversion": "2", "prop": "revisions", "revids": str(revision)}
    shown = {"rvprop": "timestamp|content", "rvslots": "main"}
    async with session.get(f"{wikibase.url}/w/api.php", params={**query, **shown}) as response:
        ((found,),) = [page["revisions"] for page in (await response.json())["query"]["pages"]]
    content = json.loads(found["slots"]["main"]["content"])
    assert content.keys() == {"entity", "redirect"}
    return build_redirect_graph(entity, content["redirect"], revision=revision, modified=found["timestamp"], uris=_URIS)


def graphs_of(messages: Iterable[Event], loaded: Graphs | None = None) -> Graphs:
    """Return the graphs after all messages in their order, applied to the loaded graphs."""
    graphs: Graphs = dict(loaded or {})
    for mutation in mutations(messages):
        patch = mutation.patch
        before = graphs.get(mutation.entity, frozenset())
        match mutation.operation:
            case OperationName.DELETE:
                graphs.pop(mutation.entity, None)
            case OperationName.DIFF:
                graphs[mutation.entity] = (before - patch.removed - patch.unlinked) | patch.added | patch.linked
            case OperationName.IMPORT | OperationName.RECONCILE:
                graphs[mutation.entity] = patch.added | patch.linked
    return graphs


def mutations(messages: Iterable[Event]) -> Iterator[Mutation]:
    """Yield the complete mutations; the message of a mutation that a kill cut off comes again from its beginning."""
    parts: list[Message] = []
    for message in map(decode_message, messages):
        parts = [*parts, message] if message.sequence else [message]
        if len(parts) == message.sequence_length:
            yield merge_chunks(parts)
