"""The world of rdf-updater: a small Wikibase whose entities have three revisions, and the events about them."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Self

import orjson
from tests.contract.keyed.wikibase_thread import WikibaseThread
from tests.contract.keyed.world import Seen
from tests.e2e.rdf_wiki import DOMAIN, graphs_of

from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.uris import Uris
from wikistate.testing.faults import Delay, MissingRevision, Rule
from wikistate.testing.wikibase import EntityKind, Repository, build_page_change
from wikistate.testing.wikibase.documents import serialize_triples
from wikistate.testing.wikibase.entity_generator import EntityGenerator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyoxigraph import Triple
    from tests.contract.keyed.world import SourceRecord

    from wikistate.demo.events import ChangeKind
    from wikistate.testing.wikibase import Change

MUTATIONS = "rdf-streaming-updater.mutation.v2"
LAPSED = "rdf-streaming-updater.lapsed-action"
INCONSISTENT = "rdf-streaming-updater.state-inconsistency"
FAILED = "rdf-streaming-updater.fetch-failure"
ERRORS = "rdf-streaming-updater.error"
RECONCILE = "rdf-streaming-updater.reconcile"

_REVISIONS = 3
_EVENTS = 1_000_000_000
"""More than the number of changes: the events of another kind of deed have other ids."""

_LATE = 3600
"""Seconds by which a late event is older than all others."""

_HELD = 2.0
"""Seconds by which an answer is held back: longer than the interval of checkpoints."""

_KINDS: dict[str, ChangeKind] = {"save": "edit", "delete": "delete", "restore": "undelete"}
_ENTITY = re.compile("Q[0-9]+")
_URIS = Uris.for_wikibase(f"http://{DOMAIN}")


class UpdaterWorld:
    """A Wikibase; see `World`. The wiki deletes nothing: events that report a deletion suffice for a job that trusts them."""

    streams: Sequence[str] = (MUTATIONS, LAPSED, INCONSISTENT, FAILED, ERRORS)

    def __init__(self) -> None:
        self._repository = Repository()
        self._author = EntityGenerator(Random(20_260_101), items=12)
        self._changes: dict[str, list[Change]] = {}
        self._wiki = WikibaseThread(self._repository)
        self._lost: set[int] = set()
        self._held = False
        self._events = 0

    @property
    def in_flight(self) -> int:
        """See `World`."""
        return self._wiki.in_flight

    def __enter__(self) -> Self:
        self._wiki.__enter__()
        return self

    def __exit__(self, *exit_: object) -> None:
        self._wiki.__exit__(*exit_)

    def settings(self) -> Mapping[str, object]:
        """See `World`. Events wait for half a second, and no fetch is repeated for a replica that lags."""
        return {
            "rdf.hostname": DOMAIN,
            "rdf.entity_namespaces": [120, 122, 146],
            "rdf.entity_data": f"{self._wiki.url}/wiki/Special:EntityData/",
            "rdf.reconcile": RECONCILE,
            "rdf.tell_unknown_deletions": True,
            "rdf.acceptable_lag": 0,
            "rdf.lateness": 0.5,
            "rdf.idleness": 0.5,
            "rdf.reordering_window": 0.5,
        }

    def create_subject(self) -> str:
        """See `World`. Each revision of the entity has other triples."""
        entity = self._repository.next_id(EntityKind.ITEM)
        made = [replace(self._author.make_item(entity, triples=25), sitelinks=()) for _ in range(_REVISIONS)]
        self._changes[entity] = self._wiki.call(lambda: [self._repository.save(each) for each in made])
        return entity

    def perform(self, subject: str, step: str, time: int) -> Iterator[SourceRecord]:
        """See `World`."""
        *late, deed, number = step.split()
        revision = self._find_revision(subject, int(number))
        match deed:
            case "hide":
                self._wiki.call(lambda: self._repository.hide(subject, revision))
            case "lose" | "find":
                (self._lost.add if deed == "lose" else self._lost.discard)(revision)
                self._apply_faults()
            case _:
                event = self._build_record(subject, deed, int(number), time - _LATE if late else time)
                yield subject.encode(), event

    def _find_revision(self, subject: str, number: int) -> int:
        """Return the id of one of the three revisions of an entity; 0 for 0."""
        return self._changes[subject][number - 1].revision.rev_id if number else 0

    def _build_record(self, subject: str, deed: str, number: int, time: int) -> bytes | None:
        if deed == "null":
            return None
        if deed == "not-json":
            return f"{{not json, {subject} {number}".encode()
        return orjson.dumps(self._build_event(subject, deed, number, time))

    def _build_event(self, subject: str, deed: str, number: int, time: int) -> dict[str, Any]:
        match deed:
            case "not-a-change":
                return {"$schema": "/another/1.0.0", "meta": {"stream": "another"}, "about": f"{subject} {number}"}
            case "no-revision":
                event = self._build_change(subject, "save", number, time)
                return event | {"revision": event["revision"] | {"rev_id": "none"}}
            case "reconcile":
                return self._build_request(subject, "CREATION", number, time)
            case "reconcile-deletion":
                return self._build_request(subject, "DELETION", number, time)
            case _:
                return self._build_change(subject, deed, number, time)

    def _build_change(self, subject: str, deed: str, number: int, time: int) -> dict[str, Any]:
        """Return the event of a change. The same deed always gives the same id."""
        change = self._changes[subject][number - 1]
        place = list(_KINDS).index(deed) * _EVENTS
        kind = change.kind if deed == "save" else _KINDS[deed]
        saved = replace(change.revision, dt=format_timestamp(time * 1000).replace(".000", ""))
        told = change._replace(kind=kind, time=time * 1000, revision=saved, number=change.number + place)
        return build_page_change(told, self._repository.wiki)

    def _build_request(self, subject: str, action: str, number: int, time: int) -> dict[str, Any]:
        name = f"{subject}-{action}-{number}"
        origin = {"dt": format_timestamp(time * 1000), "id": name, "domain": DOMAIN}
        meta = {**origin, "stream": RECONCILE, "request_id": name}
        return {
            "$schema": "/rdf_streaming_updater/reconcile/1.0.0",
            "meta": meta,
            "item": subject,
            "revision_id": self._find_revision(subject, number),
            "reconciliation_source": "nightly-check",
            "reconciliation_action": action,
            "original_event_info": {"meta": meta, "$schema": "/mediawiki/page/change/1.7.0"},
        }

    def hold(self) -> None:
        """See `World`."""
        self._held = True
        self._apply_faults()

    def release(self) -> None:
        """See `World`."""
        self._held = False
        self._apply_faults()

    def stop(self) -> None:
        """See `World`."""
        self._wiki.stop()

    def start(self) -> None:
        """See `World`."""
        self._wiki.start()

    def _apply_faults(self) -> None:
        lost = Rule(MissingRevision(), revisions=frozenset(self._lost), path="EntityData")
        self._wiki.set_faults([lost, Rule(Delay(_HELD))] if self._held else [lost])

    def recognise(self, stream: str, value: bytes) -> Seen:
        """See `World`."""
        event = orjson.loads(value)
        identity = event["meta"]["id"]
        if stream == ERRORS:
            found = _ENTITY.search(event["raw_event"])
            assert found is not None, event
            return Seen(found[0], "error", identity)
        if stream == MUTATIONS:
            is_last = event["sequence"] == event["sequence_length"] - 1
            entity = event["entity_id"]
            text = f"{event['operation']} {self._find_number(entity, event['rev_id'])}"
            return Seen(entity, text if is_last else "", identity)
        entity = event["item"]
        number = self._find_number(entity, event["revision_id"])
        match stream:
            case "rdf-streaming-updater.lapsed-action":
                return Seen(entity, f"lapsed {number}", identity)
            case "rdf-streaming-updater.fetch-failure":
                return Seen(entity, f"failure {number}", identity)
            case _:
                return Seen(entity, f"inconsistency {number} {event['inconsistency']}", identity)

    def _find_number(self, subject: str, revision: int) -> int:
        """Return the number of a revision of an entity, from 1; 0 for 0."""
        ids = [0, *(change.revision.rev_id for change in self._changes[subject])]
        return ids.index(revision)

    def find_wrong_content(self, outputs: Sequence[bytes]) -> Mapping[str, str]:
        """See `World`."""
        messages = [orjson.loads(value) for value in outputs]
        graphs = graphs_of(messages)
        last = {message["entity_id"]: message for message in messages}
        wrong = {}
        for entity, message in last.items():
            wanted = None if message["operation"] == "delete" else self._read_graph(entity, message["rev_id"])
            if graphs.get(entity) != wanted:
                wrong[entity] = f"not the triples after {message['operation']} of revision {message['rev_id']}"
        return wrong

    def _read_graph(self, entity: str, revision: int) -> frozenset[Triple]:
        document = self._repository.document(entity, revision)
        assert document is not None, entity
        body = serialize_triples(document, "nt", self._repository.vocabulary)
        base = self._repository.vocabulary.document_base
        return munge(parse_triples(body, base=base, mime_type="application/n-triples"), entity, _URIS)
