"""A small Wikibase: entities of every kind and datatype as RDF, edits, and the Action API that tells of them.

In the loop of the caller: ``async with FakeWikibase(repository) as wikibase``. In a process of its own:
``async with WikibaseProcess("--entities", "100") as wikibase``, or ``python -m wikistate.testing.wikibase``.
"""

from wikistate.testing.wikibase.authors import Author
from wikistate.testing.wikibase.changes import Change
from wikistate.testing.wikibase.editing import Editors
from wikistate.testing.wikibase.entities import Item, Kind, Lexeme, MediaInfo, Property, Redirect, Statement
from wikistate.testing.wikibase.layout import wikibase_wiki
from wikistate.testing.wikibase.process import WikibaseProcess
from wikistate.testing.wikibase.repository import Repository
from wikistate.testing.wikibase.server import FakeWikibase
from wikistate.testing.wikibase.telling import legacy_event, page_change
from wikistate.testing.wikibase.vocabulary import COMMONS, WIKIDATA, Vocabulary

__all__ = [
    "COMMONS",
    "WIKIDATA",
    "Author",
    "Change",
    "Editors",
    "FakeWikibase",
    "Item",
    "Kind",
    "Lexeme",
    "MediaInfo",
    "Property",
    "Redirect",
    "Repository",
    "Statement",
    "Vocabulary",
    "WikibaseProcess",
    "legacy_event",
    "page_change",
    "wikibase_wiki",
]
