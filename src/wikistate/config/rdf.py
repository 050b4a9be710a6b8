"""The settings of a Wikibase and of the processing of its changes: the section `rdf`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from wikistate.config.base import MIB, Settings


class RdfSettings(Settings):
    """A Wikibase, the reading of its changes, and their processing."""

    wikibase: str = ""
    """rdf-sync: address of the wiki, from which all values that are not set here are requested. Also `--wikibase`."""

    source_reach: PositiveFloat = 604_800.0
    """rdf-sync: seconds that a source of events retains events. A store that was not synchronised for longer is compared
    with the wiki, entity by entity. A wiki states the retention of its recent changes."""

    hostname: str = ""
    """Host of the wiki: events with this `meta.domain` are processed, and entities are fetched from it."""

    concept_base: str = ""
    """Prefix of the IRIs of its entities, such as `http://www.wikidata.org`. Empty: `http://` and the hostname."""

    scheme: Literal["wikibase", "federated"] = "wikibase"
    """`federated`: separate entities with the properties and items of another Wikibase, as on Commons."""

    federated_concept_base: str = "http://www.wikidata.org"
    """The other Wikibase of a federated Wikibase."""

    entity_data: str = ""
    """URL prefix of entities. Empty: `https://`, the hostname and `/wiki/Special:EntityData/`; rdf-sync requests it from the
    wiki."""

    entity_namespaces: list[int] = []
    """Namespaces whose pages are entities, such as 0 and 120. This or `mediainfo_namespaces` must be set."""

    mediainfo_namespaces: list[int] = []
    """Namespaces whose pages have media info, such as 6: entities with the id of the page."""

    mediainfo_slot: str = "mediainfo"
    """The slot that holds media info."""

    content_models: list[str] = ["wikibase-item", "wikibase-property", "wikibase-lexeme"]
    """Content models of pages that are entities; other pages of the namespaces are dropped."""

    title_prefixes: list[str] = ["Property:", "Item:", "Lexeme:"]
    """Prefixes of titles before the id of the entity: names of namespaces, with a colon."""

    legacy_inputs: bool = False
    """Read revision-create, page-delete, page-suppress and page-undelete instead of page_change, for wikis without
    page_change."""

    reconcile: str = ""
    """The stream of requests to reconcile an entity, `NAME` or `NAME[TAG]`; with a tag, only those of that
    `reconciliation_source`. Empty: none is read."""

    lateness: NonNegativeFloat = 60.0
    """Seconds that events of a partition may arrive after newer ones. Later ones are written to the lapsed-action stream."""

    idleness: PositiveFloat = 60.0
    """Seconds without a record after which a partition no longer holds back the watermark."""

    reordering_window: NonNegativeFloat = 60.0
    """Seconds that an event waits for older events of its entity, unless it follows directly on the last known revision."""

    concurrency: PositiveInt = 10
    """Entities that are fetched concurrently."""

    acceptable_lag: NonNegativeFloat = 10.0
    """Seconds after an edit during which a revision that the wiki does not know yet is requested again."""

    max_entity_bytes: PositiveInt = 64 * MIB
    """Bytes of one entity's RDF after decompression; reading stops there."""

    max_entity_triples: PositiveInt = 1_000_000
    """Triples of one entity; parsing stops there. The largest entities of Wikidata have some hundred thousand."""

    max_parsed_bytes: int = Field(default=1536 * MIB, ge=128 * MIB)
    """Bytes of memory for the RDF of all entities that are parsed, compared and written at the same time. Entities wait
    for each other, and an entity that alone takes more is a failed fetch."""

    subgraphs: str = ""
    """Definitions of subgraphs, each with a separate stream: a file, or `bundled:NAME`. Empty: none."""

    subgraph_topics: dict[str, str] = {}
    """Kafka: the topic of each subgraph's stream. Empty: `kafka_topic_prefix` and the name of the stream."""

    partition: NonNegativeInt = 0
    """Kafka: the partition that mutations are written to; a single one, because their order matters."""

    side_outputs: bool = True
    """Whether late events, inconsistencies and failed fetches are reported on separate streams."""

    reconcile_unknown: bool = False
    """Whether the store was filled without a list of its revisions: the first change of an entity that the state does not know
    then replaces all of its triples, or deletes them."""

    tell_unknown_deletions: bool = False
    """Whether the deletion of an unknown entity is also reported as an inconsistency. It does not indicate a loss."""

    side_domain: str = ""
    """`meta.domain` of the events of side outputs. Empty: the hostname."""

    emitter_id: str = ""
    """Emitter in the events of side outputs, for operators of several updaters. Empty: none."""
