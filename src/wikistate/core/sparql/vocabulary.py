"""The IRIs that statements and queries name, and those of our own that a store's books are kept in.

Sources: "Wikibase RDF dump format"; "SPARQL 1.1 Update".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from wikistate.core.record import Partition

TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
DATE_TIME = "<http://www.w3.org/2001/XMLSchema#dateTime>"
ABOUT = "<http://schema.org/about>"
ARTICLE = "<http://schema.org/Article>"
IS_PART_OF = "<http://schema.org/isPartOf>"
DATE_MODIFIED = "<http://schema.org/dateModified>"
VERSION = "<http://schema.org/version>"
WIKI_GROUP = "<http://wikiba.se/ontology#wikiGroup>"
ONTOLOGY = "http://wikiba.se/ontology#"
LEXICAL_FORM = "<http://www.w3.org/ns/lemon/ontolex#lexicalForm>"
COMPLEMENT_OF = "<http://www.w3.org/2002/07/owl#complementOf>"
SENSE = "<http://www.w3.org/ns/lemon/ontolex#sense>"

BOOKS = "<urn:wikistate:store>"
"""The subject of what we note about a store as a whole."""

SUSPECT_NODE = "<urn:wikistate:suspectNode>"
"""Note: a value or a reference that may have lost its last user."""

SUSPECT_SITE = "<urn:wikistate:suspectSite>"
"""Note: a site of whose articles the last may be gone."""

SUSPECT_ARTICLE = "<urn:wikistate:suspectArticle>"
"""Note: a page of a client wiki that may have lost its sitelink."""

MARKER = "<urn:wikistate:marker>"

TOPIC = "<urn:wikistate:topic>"
PARTITION = "<urn:wikistate:partition>"
NEXT_OFFSET = "<urn:wikistate:nextOffset>"
COMPLETED_UNTIL = "<urn:wikistate:completedUntil>"

POSITION = "urn:wikistate:position:"
"""What the nodes begin with that keep how far the store is."""


def position_iri(partition: Partition) -> str:
    """The node that keeps how far the store is in a partition."""
    return f"<{POSITION}{quote(partition.topic, safe='')}:{partition.number}>"
