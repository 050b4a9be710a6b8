"""The settings of a triple store and of how it is written: the section `store`."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from wikistate.config.base import Settings


class StoreAuthentication(Settings):
    """How the endpoint knows us. Secrets are named, never written here."""

    user: str = ""
    """User name, for basic authentication."""

    password_env: str = ""
    """Environment variable with the password."""

    password_file: str = ""
    """File with the password."""

    token_env: str = ""
    """Environment variable with a bearer token."""

    token_file: str = ""
    """File with a bearer token."""


class StoreSettings(Settings):
    """A triple store, how it is reached, and how it is written."""

    location: str = ""
    """A folder, which becomes an embedded store, or the URL of a SPARQL 1.1 Update endpoint. Also `--store`."""

    query_url: str = ""
    """URL of the endpoint's queries, where it is not `location`."""

    adopt: bool = False
    """rdf-sync: take over a store that others have loaded. All its entities are compared with the wiki, and what the wiki
    does not have is taken out."""

    graph: str = ""
    """IRI of the named graph that holds the triples. Empty: the default graph."""

    concept_base: str = "http://www.wikidata.org"
    """What the IRIs of the entities begin with. The store says under it how fresh it is."""

    federated_concept_base: str = ""
    """Concept base of the Wikibase that properties and items come from, where it is another one; for Commons
    `http://www.wikidata.org`."""

    authentication: StoreAuthentication = StoreAuthentication()
    """How the endpoint knows us."""

    ca_bundle: str = ""
    """PEM file of certificate authorities for the endpoint. Empty: the system's."""

    connect_timeout: PositiveFloat = 10.0
    """Seconds to connect to the endpoint."""

    request_timeout: PositiveFloat = 600.0
    """Seconds that the endpoint may take for one request. An update that takes longer is sent again: it must be beyond
    what the store takes for a full batch."""

    batch_mutations: PositiveInt = 50_000
    """The most mutations that are applied together."""

    batch_triples: PositiveInt = 100_000
    """The most triples that are applied together. Below it the size adapts to `batch_target`."""

    batch_seconds: PositiveFloat = 1.0
    """Seconds that a mutation waits for others at the most while the store has nothing to do. More makes fewer and
    larger updates, which some stores need; the store is so much older."""

    batch_target: PositiveFloat = 5.0
    """Seconds that the store shall take for a batch: slower ones are made smaller."""

    delete_orphans: bool = True
    """Delete values, references and sitelinks that an entity used and nothing uses any more. `false` for stores where
    looking that up is too dear: orphans then stay until they are swept."""

    entity_filter: str = ""
    """A regular expression: only entities whose id contains a match are written, such as `^L` for lexemes."""

    topic: str = ""
    """EventStreams: the one topic that is followed of a stream that several sites fill, such as
    `eqiad.rdf-streaming-updater.mutation`. Empty: the one that the store was filled from, else the first that comes."""
