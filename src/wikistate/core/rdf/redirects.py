"""The graph of an entity that was merged into another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.rdf.vocabulary import DATE_MODIFIED, DATE_TIME, INTEGER, SAME_AS, VERSION

if TYPE_CHECKING:
    from wikistate.core.rdf.graph import Graph
    from wikistate.core.rdf.uris import Uris


def build_redirect_graph(entity: str, target: str, *, revision: int, modified: str, uris: Uris) -> Graph:
    """Return the triples that a store holds of a redirect: the same as munging makes of its document.

    Args:
        entity: Id of the merged entity.
        target: Id of the entity into which it was merged.
        revision: Revision of the redirect.
        modified: Time of that revision in RFC 3339, as the wiki writes it.
        uris: IRIs of the wiki.
    """
    subject = NamedNode(uris.entity_iri(entity))
    return frozenset(
        {
            Triple(subject, SAME_AS, NamedNode(uris.entity_iri(target))),
            Triple(subject, VERSION, Literal(str(revision), datatype=INTEGER)),
            Triple(subject, DATE_MODIFIED, Literal(modified, datatype=DATE_TIME)),
        }
    )
