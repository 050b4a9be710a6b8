"""The settings of a triple store and of its updates: the section `store`."""

from __future__ import annotations

from typing import Any

from pydantic import PositiveFloat, PositiveInt, model_validator

from wikistate.config.authentication import HttpAuthentication, move_logins
from wikistate.config.base import MIB, Settings


class StoreSettings(Settings):
    """A triple store, its address, and its updates."""

    location: str = ""
    """A folder for an embedded store, or the URL of a SPARQL 1.1 Update endpoint. Also `--store`."""

    query_url: str = ""
    """URL of queries if it differs from `location`."""

    adopt: bool = False
    """rdf-sync: take over a store that another program has loaded. All its entities are compared with the wiki, and
    entities that the wiki does not have are deleted."""

    graph: str = ""
    """IRI of the named graph that holds the triples. Empty: the default graph."""

    concept_base: str = "http://www.wikidata.org"
    """Prefix of the IRIs of the entities, and the subject of the freshness of the store."""

    federated_concept_base: str = ""
    """Concept base of the Wikibase of the properties and items if it is another one; for Commons
    `http://www.wikidata.org`. It is the subject of the freshness of the store as well."""

    freshness_subjects: list[str] = []
    """Further IRIs that state the freshness of the store, for query interfaces that ask another subject than the concept
    base, such as `http://www.wikidata.org`."""

    authentication: HttpAuthentication = HttpAuthentication()
    """The authentication at the endpoint."""

    ca_bundle: str = ""
    """PEM file of certificate authorities for the endpoint. Empty: those of the system."""

    connect_timeout: PositiveFloat = 10.0
    """Seconds to connect to the endpoint."""

    request_timeout: PositiveFloat = 600.0
    """Seconds that the endpoint may take for one request. A slower update is sent again, so this must be longer than the
    update of a full batch."""

    reconnect_limit: PositiveFloat | None = None
    """Seconds for which an endpoint that has answered well before is asked again, whatever it answers; then the run ends.
    Default: no limit, and the log, the metric `wikistate_waiting` and `/readyz` report it."""

    max_retry_after: PositiveFloat = 3600.0
    """The longest wait in seconds that the header Retry-After of the endpoint can cause."""

    batch_mutations: PositiveInt = 50_000
    """The maximum number of mutations that are applied together."""

    batch_triples: PositiveInt = 100_000
    """The maximum number of triples that are applied together. Below it the size adapts to `batch_target`."""

    batch_seconds: PositiveFloat = 1.0
    """The longest time in seconds that a mutation waits for others while the store is idle. A longer time makes fewer and
    larger updates, which some stores need, and increases the lag of the store."""

    batch_target: PositiveFloat = 5.0
    """Target duration of a batch in seconds: the next batches are smaller after a slower one."""

    max_mutation_bytes: PositiveInt = 128 * MIB
    """rdf-consumer: bytes of the messages of one mutation. A larger mutation becomes error events."""

    max_mutation_triples: PositiveInt = 1_000_000
    """rdf-consumer: triples of one mutation, and of all incomplete mutations. A larger mutation becomes error events. The
    largest entities of Wikidata have some hundred thousand."""

    delete_orphans: bool = True
    """Delete values, references and sites that no entity uses any more. `false` for stores where this search is too
    slow: these orphans then stay until they are swept. Sitelinks are always deleted with their entity."""

    entity_filter: str = ""
    """A regular expression: only entities whose id contains a match are written, such as `^L` for lexemes."""

    topic: str = ""
    """EventStreams: the topic that is followed of a stream with several topics of the same changes, such as
    `eqiad.rdf-streaming-updater.mutation`. Empty: the topic that the store was filled from, else that of the first event."""

    @model_validator(mode="before")
    @classmethod
    def _move_logins(cls, values: Any) -> Any:
        return move_logins(values, ("location", "query_url"))
