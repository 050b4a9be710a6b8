"""The settings of a Wikibase and of what is made of its changes: the section `rdf`."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from wikistate.config.base import MIB, Settings


class RdfSettings(Settings):
    """A Wikibase, how its changes are read, and what is made of them."""

    wikibase: str = ""
    """rdf-sync: address of the wiki, which is then asked for all that is not set here. Also `--wikibase`."""

    source_reach: PositiveFloat = 604_800.0
    """rdf-sync: seconds that a source of events keeps what happened. A store that was not followed for longer is compared
    with the wiki, entity by entity. Recent changes say themselves how far they reach."""

    hostname: str = ""
    """Host of the wiki: events count whose `meta.domain` it is, and entities are fetched from it."""

    concept_base: str = ""
    """What the IRIs of its entities begin with, such as `http://www.wikidata.org`. Empty: `http://` and the hostname."""

    scheme: Literal["wikibase", "federated"] = "wikibase"
    """`federated`: entities of its own, properties and items of another Wikibase, as Commons has them."""

    federated_concept_base: str = "http://www.wikidata.org"
    """The other Wikibase of a federated one."""

    entity_data: str = ""
    """URL under which entities are fetched. Empty: `https://`, the hostname and `/wiki/Special:EntityData/`."""

    entity_namespaces: list[int] = []
    """Namespaces whose pages are entities, such as 0 and 120. One of this and the next must be set."""

    mediainfo_namespaces: list[int] = []
    """Namespaces whose pages have media info, such as 6: entities that are named by the page's id."""

    mediainfo_slot: str = "mediainfo"
    """The slot that holds media info."""

    content_models: list[str] = ["wikibase-item", "wikibase-property", "wikibase-lexeme"]
    """Content models of pages that are entities; other pages of the namespaces are dropped."""

    title_prefixes: list[str] = ["Property:", "Item:", "Lexeme:"]
    """What titles have before the entity's id: names of namespaces, with a colon."""

    legacy_inputs: bool = False
    """Read revision-create, page-delete, page-suppress and page-undelete in the place of page_change, for wikis that
    have those alone."""

    reconcile: str = ""
    """The stream of requests to bring an entity in step, `NAME` or `NAME[TAG]`; with a tag, those of that
    `reconciliation_source` alone. Empty: none is read."""

    lateness: NonNegativeFloat = 60.0
    """Seconds that events of a partition may come after younger ones. Later ones go to the lapsed-action stream."""

    idleness: PositiveFloat = 60.0
    """Seconds without a record after which a partition does not hold the others' time back."""

    reordering_window: NonNegativeFloat = 60.0
    """Seconds that an event waits for older ones of its entity, where it does not follow directly on what is known."""

    concurrency: PositiveInt = 10
    """Entities that are fetched at once."""

    acceptable_lag: NonNegativeFloat = 10.0
    """Seconds after an edit during which a revision that the wiki does not know yet is asked for again."""

    max_entity_bytes: PositiveInt = 64 * MIB
    """Bytes of one entity's RDF after decompression; reading stops there."""

    subgraphs: str = ""
    """Definitions of subgraphs, each of which gets a stream of its own: a file, or `bundled:NAME`. Empty: none."""

    subgraph_topics: dict[str, str] = {}
    """Kafka: the topic of each subgraph's stream. Empty: `kafka_topic_prefix` and the stream's name."""

    partition: NonNegativeInt = 0
    """Kafka: the partition that mutations are written to; one, because their order counts."""

    side_outputs: bool = True
    """Whether to tell of late events, inconsistencies and failed fetches on streams of their own."""

    tell_unknown_deletions: bool = False
    """Whether a deletion of what was never seen is told as an inconsistency, too. It is no sign of a loss."""

    side_domain: str = ""
    """`meta.domain` of those events. Empty: the hostname."""

    emitter_id: str = ""
    """What those events say of who emitted them, for those who run several updaters. Empty: nothing."""
