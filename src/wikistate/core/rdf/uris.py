"""URIs of a Wikibase: prefixes of the IRIs of its entities, statements, values, references and properties.

They follow from its concept base (``conceptBaseUri``, "Wikibase/Indexing/RDF Dump Format"). The scheme of the base is not
changed: if a Wikibase uses https in its IRIs, the store does as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from pyoxigraph import NamedNode

from wikistate.errors import ConfigError

_ENTITY_DATA = "/wiki/Special:EntityData/"


def namespace_of(iri: str) -> str:
    """Return the IRI up to its last slash, the slash included. IRIs with a further slash are not in the namespace."""
    return iri[: iri.rfind("/") + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uris:
    """Prefixes of the IRIs of a Wikibase.

    Attributes:
        root: The concept base without slashes at its end.
        entity: Prefix of the entities of this Wikibase.
        entity_data: Usual prefix of the documents about these entities. Wikis may have any other: documents that state
            what they are about are known by that.
        entity_data_https: The same prefix with https, which many wikis write.
        statement: Prefix of statements.
        value: Prefix of value nodes.
        reference: Prefix of reference nodes.
        prop: Prefix of the predicates and classes of properties; the role follows: ``direct/``, ``statement/value/``, ...
        genid: Prefix of IRIs that replace blank nodes (RDF 1.1 Concepts, 3.5).
        foreign_entity: Prefix of the entities of another Wikibase whose ids have no prefix here; the same as `entity`
            without federation.
        own_ids: First letters of the ids of this Wikibase, if it uses entities of another one as well. Empty for all.
    """

    root: str
    entity: str
    entity_data: str
    entity_data_https: str
    statement: str
    value: str
    reference: str
    prop: str
    genid: str
    foreign_entity: str
    own_ids: str = ""

    @classmethod
    def for_wikibase(cls, concept_uri: str) -> Self:
        """Return the prefixes of a Wikibase that is not federated, such as ``http://www.wikidata.org``.

        Raises:
            ConfigError: The concept base is not an absolute http(s) URI.
        """
        root = _normalize_root(concept_uri)
        return cls(**_build_prefixes(root), prop=f"{root}/prop/", foreign_entity=f"{root}/entity/")

    @classmethod
    def for_federated(cls, own_concept_uri: str, wikidata_concept_uri: str = "http://www.wikidata.org") -> Self:
        """Return the prefixes of a Wikibase of media with the items and properties of another one, such as Commons.

        The ids of media begin with M.

        Raises:
            ConfigError: One of the two is not an absolute http(s) URI.
        """
        own, other = _normalize_root(own_concept_uri), _normalize_root(wikidata_concept_uri)
        return cls(**_build_prefixes(own), prop=f"{other}/prop/", foreign_entity=f"{other}/entity/", own_ids="M")

    def entity_iri(self, entity_id: str) -> str:
        """Return the IRI of an entity."""
        return (self.entity if entity_id.startswith(self.own_ids) else self.foreign_entity) + entity_id

    def entity_id(self, iri: str) -> str | None:
        """Return the id of an IRI; None if it is not the IRI of an entity."""
        namespace = namespace_of(iri)
        if namespace not in {self.entity, self.foreign_entity}:
            return None
        found = iri[len(namespace) :]
        return found if found and self.entity_iri(found) == iri else None

    def has_entity_prefix(self, iri: str) -> bool:
        """Return whether an IRI begins with a prefix of entities. The rest is not checked."""
        return iri.startswith((self.entity, self.foreign_entity))

    @property
    def novalue(self) -> str:
        """Prefix of the classes of entities for which a property has no value."""
        return f"{self.prop}novalue/"

    @property
    def reference_values(self) -> frozenset[str]:
        """Namespaces of the predicates from a reference to a value node, normalised values included."""
        return frozenset({f"{self.prop}reference/value/", f"{self.prop}reference/value-normalized/"})


def is_concept_base(text: str) -> bool:
    """Return whether a text is an absolute http or https IRI (RFC 3987) with a host, and without a query and a fragment.

    Such an IRI has no space, quotation mark, angle bracket, brace, backslash or control character.
    """
    try:
        parts = urlsplit(NamedNode(text).value)  # `urlsplit` alone drops line breaks
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "?" not in text and "#" not in text


def _build_prefixes(root: str) -> dict[str, str]:
    secure = f"https:{root.removeprefix('http:')}" if root.startswith("http:") else root
    parts = urlsplit(root)
    return {
        "root": root,
        "entity": f"{root}/entity/",
        "entity_data": root + _ENTITY_DATA,
        "entity_data_https": secure + _ENTITY_DATA,
        "statement": f"{root}/entity/statement/",
        "value": f"{root}/value/",
        "reference": f"{root}/reference/",
        "genid": f"{parts.scheme}://{parts.netloc}/.well-known/genid/",
    }


def _normalize_root(concept_uri: str) -> str:
    root = concept_uri.rstrip("/")
    if not is_concept_base(root):
        raise ConfigError(
            f"{concept_uri!r:.300} is not a concept base: it must be an absolute IRI.",
            hint="Set the prefix of the IRIs of entities, without entity/, such as http://www.wikidata.org.",
        )
    return root
