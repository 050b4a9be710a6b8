"""Vocabulary: IRIs of updates and queries, and the IRIs of wikistate's bookkeeping in a store.

Sources: "Wikibase RDF dump format"; "SPARQL 1.1 Update".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from pyoxigraph import NamedNode

from wikistate.core.rdf import vocabulary as rdf
from wikistate.core.sparql.terms import format_iri

if TYPE_CHECKING:
    from wikistate.streaming.record import Partition

TYPE = str(rdf.TYPE)
ABOUT = str(rdf.ABOUT)
ARTICLE = str(rdf.ARTICLE)
IS_PART_OF = str(NamedNode(f"{rdf.SCHEMA}isPartOf"))
DATE_MODIFIED = str(rdf.DATE_MODIFIED)
VERSION = str(rdf.VERSION)
WIKI_GROUP = str(rdf.WIKI_GROUP)
ONTOLOGY = rdf.WIKIBASE
LEXICAL_FORM = str(rdf.LEXICAL_FORM)
SENSE = str(rdf.SENSE)
COMPLEMENT_OF = str(NamedNode(f"{rdf.OWL}complementOf"))
INTEGER = str(rdf.INTEGER)

BOOKKEEPING = "<urn:wikistate:store>"
"""The subject of the bookkeeping about a store as a whole."""

ORPHAN_CANDIDATE_NODE = "<urn:wikistate:suspectNode>"
"""Record of a value or a reference that may have lost its last link."""

ORPHAN_CANDIDATE_SITE = "<urn:wikistate:suspectSite>"
"""Record of a site that may have lost its last article."""

ORPHAN_CANDIDATE_ARTICLE = "<urn:wikistate:suspectArticle>"
"""Record of a page of a client wiki that may have lost its sitelink."""

MARKER = "<urn:wikistate:marker>"

WRITE_TOKEN = "<urn:wikistate:writeToken>"  # noqa: S105 (not a secret)
"""Name of the last update that the store has applied; see `wikistate.core.sparql.guards`."""

TOPIC = "<urn:wikistate:topic>"
PARTITION = "<urn:wikistate:partition>"
NEXT_OFFSET = "<urn:wikistate:nextOffset>"
COMPLETED_UNTIL = "<urn:wikistate:completedUntil>"

ORIGIN = "<urn:wikistate:origin>"
"""Record that a store was empty before its first update: the source alone can bring it back."""

EMPTY = '"empty"'

POSITION = "urn:wikistate:position:"
"""Prefix of the nodes with the positions of the store."""


def position_iri(partition: Partition) -> str:
    """Return the node with the position of the store in a partition."""
    return format_iri(f"{POSITION}{quote(partition.topic, safe='')}:{partition.number}")
