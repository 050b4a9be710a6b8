"""The URIs of a Wikibase: which IRIs are its entities, statements, values, references and properties.

They follow from its concept base (``conceptBaseUri``, "Wikibase/Indexing/RDF Dump Format"). The scheme of the base is
kept as it is: a Wikibase that says https means it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from wikistate.errors import ConfigError

_ENTITY_DATA = "/wiki/Special:EntityData/"


def namespace_of(iri: str) -> str:
    """An IRI up to its last slash, the slash included. In a namespace is what has no further slash behind it."""
    return iri[: iri.rfind("/") + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uris:
    """The prefixes of a Wikibase's IRIs.

    Attributes:
        root: The concept base without slashes at its end.
        entity: Of its own entities.
        entity_data: Of the documents about them.
        entity_data_https: The same with https, which is what most wikis write.
        statement: Of statements.
        value: Of full values.
        reference: Of references.
        prop: Of all that properties stand for; what follows says as what: ``direct/``, ``statement/value/``, ...
        genid: Of blank nodes that were given a name (RDF 1.1 Concepts, 3.5).
        foreign_entity: Of the entities of another Wikibase whose ids have no prefix here; where nothing is federated,
            the same as `entity`.
        own_ids: What ids of own entities begin with, where another Wikibase's entities stand beside them. Empty: all.
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
        """Of a Wikibase that has items and properties of its own, such as ``http://www.wikidata.org``.

        Raises:
            ConfigError: The concept base is no absolute http(s) URI.
        """
        root = _normalize_root(concept_uri)
        return cls(**_build_prefixes(root), prop=f"{root}/prop/", foreign_entity=f"{root}/entity/")

    @classmethod
    def for_federated(cls, own_concept_uri: str, wikidata_concept_uri: str = "http://www.wikidata.org") -> Self:
        """Of a Wikibase of media (ids begin with M) whose items and properties are another's, such as Commons.

        Raises:
            ConfigError: One of the two is no absolute http(s) URI.
        """
        own, other = _normalize_root(own_concept_uri), _normalize_root(wikidata_concept_uri)
        return cls(**_build_prefixes(own), prop=f"{other}/prop/", foreign_entity=f"{other}/entity/", own_ids="M")

    def entity_iri(self, entity_id: str) -> str:
        """The IRI of an entity."""
        return (self.entity if entity_id.startswith(self.own_ids) else self.foreign_entity) + entity_id

    def entity_id(self, iri: str) -> str | None:
        """The id behind an IRI; None when it is not that of an entity."""
        namespace = namespace_of(iri)
        if namespace not in {self.entity, self.foreign_entity}:
            return None
        found = iri[len(namespace) :]
        return found if found and self.entity_iri(found) == iri else None

    def has_entity_prefix(self, iri: str) -> bool:
        """Whether an IRI starts as one of an entity does, whatever follows."""
        return iri.startswith((self.entity, self.foreign_entity))

    @property
    def novalue(self) -> str:
        """Of the classes that say that a property has no value."""
        return f"{self.prop}novalue/"

    @property
    def reference_values(self) -> frozenset[str]:
        """The namespaces of what leads from a reference to a full value, normalised ones included."""
        return frozenset({f"{self.prop}reference/value/", f"{self.prop}reference/value-normalized/"})


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
    parts = urlsplit(root)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            f"{concept_uri!r} is no concept base.",
            hint="Give what the IRIs of entities begin with, without entity/, such as http://www.wikidata.org.",
        )
    return root
